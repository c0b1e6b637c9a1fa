import { createLogUpdate } from "log-update";

/**
 * Where a command speaks: text for people, JSON lines for programs, and a live line on a terminal.
 *
 * With `--json`, standard output holds JSON lines and nothing else; text goes to standard error.
 */
export interface Terminal {
  /** A line for people. */
  line(text: string): void;
  /** Lines that replace the live lines before; ignored where nobody watches. */
  live(text: string): void;
  /** Takes the live lines away. */
  clearLive(): void;
  /** A line for programs; ignored without `--json`. */
  json(value: unknown): void;
  /** True if live lines are shown. */
  readonly isLive: boolean;
  /** True if lines for programs are written. */
  readonly isJson: boolean;
}

export function createTerminal(isJson: boolean): Terminal {
  const stream = isJson ? process.stderr : process.stdout;
  const isLive = stream.isTTY && process.env.CI === undefined;
  const update = createLogUpdate(stream, { showCursor: true });
  let shown = "";
  return {
    isLive,
    isJson,
    line(text) {
      if (shown !== "") update.clear();
      stream.write(`${text}\n`);
      if (shown !== "") update(shown);
    },
    live(text) {
      if (!isLive) return;
      shown = text;
      update(text);
    },
    clearLive() {
      if (shown !== "") update.clear();
      shown = "";
    },
    json(value) {
      if (isJson) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}
