import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** An object of `--json`. */
export type ChildEvent = Readonly<Record<string, unknown>>;

export interface ChildOptions {
  /** Of the command line, `--json` among them. */
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** What it writes to standard error goes here. */
  readonly log: string;
  readonly onEvent: (event: ChildEvent) => void;
  /** `how`: an exit code or a signal, for people. */
  readonly onEnd: (how: string) => void;
}

/** Characters of a log that are shown when its process has ended by itself. */
const TAIL = 500;

/** A `shoal` process that was started by this one, and ends with it at the latest. */
export class Child {
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly ended: Promise<void>;

  constructor({ args, environment, log, onEvent, onEnd }: ChildOptions) {
    const script = fileURLToPath(new URL("../../bin/shoal.js", import.meta.url));
    const stderr = openSync(log, "a");
    this.#log = log;
    this.#process = spawn(process.execPath, [script, ...args], {
      stdio: ["ignore", "pipe", stderr, "ipc"],
      env: environment,
    });
    closeSync(stderr);
    createInterface({ input: this.#process.stdout! }).on("line", (line) => {
      const event = parseEvent(line);
      if (event !== null) onEvent(event);
    });
    this.ended = new Promise((resolve) => {
      this.#process.once("error", (error) => {
        onEnd(error.message);
        resolve();
      });
      // `close`, not `exit`: by then all that it said has been read.
      this.#process.once("close", (code, signal) => {
        onEnd(signal ?? `exit code ${code}`);
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The last of what it wrote to standard error. */
  get lastWords(): string {
    return readFileSync(this.#log, "utf8").slice(-TAIL).trim();
  }
}

/** The last line of a process that was killed may be cut off. */
function parseEvent(line: string): ChildEvent | null {
  try {
    const event: unknown = JSON.parse(line);
    return typeof event === "object" && event !== null ? (event as ChildEvent) : null;
  } catch {
    return null;
  }
}
