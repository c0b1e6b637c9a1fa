import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const shoalScript = fileURLToPath(new URL("../../packages/cli/bin/shoal.js", import.meta.url));

/** Longest wait for something that a process should say, in ms. */
const PATIENCE_MS = 90_000;

/** Longest wait for the end of a process, in ms: less than a test may take, so that what it said is shown. */
const PATIENCE_END_MS = 180_000;

/** What ended a process, and all that it said. */
export interface Ended {
  /** Exit code, or the signal that killed it. */
  readonly exit: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** An object of `--json`. */
export type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

/** A directory that goes when the tests of this file are over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "shoal-e2e-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A real `shoal` process, as a person would start it. */
export class ShoalProcess {
  readonly #closed: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";

  /** @param args of the command line @param env variables beside this process's own */
  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    command = [process.execPath, shoalScript],
  ) {
    const [file, ...before] = command;
    this.#child = spawn(file!, [...before, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      for (const watcher of this.#watchers) watcher();
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      for (const watcher of this.#watchers) watcher();
    });
    this.#closed = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        resolve({ exit: code ?? signal!, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    processes.add(this);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What it ended with. Rejects with what it said, where it does not end. */
  get ended(): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(this.#failure(`${PATIENCE_END_MS} ms went by`, "its end")),
        PATIENCE_END_MS,
      );
      void this.#closed.then((ended) => {
        clearTimeout(timer);
        resolve(ended);
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The objects of `--json` so far. */
  get lines(): Line[] {
    return parseLines(this.#stdout.slice(0, this.#stdout.lastIndexOf("\n") + 1));
  }

  /** Waits for an object of `--json`. */
  line(matches: (line: Line) => boolean, what: string): Promise<Line> {
    return this.#until(() => this.lines.find(matches), what);
  }

  /** Waits for a text on either output, and returns what `pattern` matched. */
  text(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(
      () => pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr) ?? undefined,
      String(pattern),
    );
  }

  #until<T>(look: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#watchers.delete(check);
        clearTimeout(timer);
      };
      const fail = (why: string): void => {
        stop();
        reject(this.#failure(why, what));
      };
      const check = (): void => {
        const found = look();
        if (found === undefined) return;
        stop();
        resolve(found);
      };
      const timer = setTimeout(() => fail(`${PATIENCE_MS} ms went by`), PATIENCE_MS);
      this.#watchers.add(check);
      check();
      void this.#closed.then(({ exit }) => fail(`the process ended (${exit})`));
    });
  }

  #failure(why: string, what: string): Error {
    return new Error(`${why} before ${what}\n${this.#stdout.slice(-4000)}\n${this.#stderr.slice(-4000)}`);
  }
}

const processes = new Set<ShoalProcess>();
afterAll(async () => {
  for (const one of processes) one.kill("SIGKILL");
  await Promise.all([...processes].map(({ ended }) => ended));
});

/** Runs a command to its end. */
export function shoal(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new ShoalProcess(args, env).ended;
}

/** Every line of `text` as JSON; throws at one that is none. */
export function parseLines(text: string): Line[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** The last object of a run that went well. */
export function doneOf({ exit, stdout, stderr }: Ended): Line {
  if (exit !== 0) throw new Error(`expected exit code 0, got ${exit}: ${stderr}`);
  const done = parseLines(stdout).at(-1)!;
  if (done.event !== "done") throw new Error(`expected done last, got ${JSON.stringify(done)}`);
  return done;
}
