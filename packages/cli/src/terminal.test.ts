import { stripVTControlCharacters } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createTerminal } from "./terminal.ts";
import { captureOutput } from "./testing/captured-output.ts";

/** Makes standard output a terminal, or not, until the test ends. */
function watchedByPeople(isWatched: boolean, ci?: string): void {
  vi.stubEnv("CI", ci);
  for (const stream of [process.stdout, process.stderr]) {
    const before = Object.getOwnPropertyDescriptor(stream, "isTTY");
    Object.defineProperty(stream, "isTTY", { value: isWatched, configurable: true });
    onTestFinished(() => {
      Reflect.deleteProperty(stream, "isTTY");
      if (before !== undefined) Object.defineProperty(stream, "isTTY", before);
    });
  }
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe("where nobody watches", () => {
  test("there are plain lines on standard output, no live ones and nothing for programs", async () => {
    watchedByPeople(false);
    const { stdout, stderr, result } = await captureOutput(() => {
      const terminal = createTerminal(false);
      terminal.line("one");
      terminal.live("step 1");
      terminal.line("two");
      terminal.clearLive();
      terminal.json({ event: "step" });
      return terminal;
    });
    expect({ stdout, stderr }).toEqual({ stdout: "one\ntwo\n", stderr: "" });
    expect(result).toMatchObject({ isLive: false, isJson: false });
  });

  test("with --json standard output is JSON alone, a line per object; text is on standard error", async () => {
    watchedByPeople(false);
    const { stdout, stderr, result } = await captureOutput(() => {
      const terminal = createTerminal(true);
      terminal.line("one");
      terminal.json({ event: "step", text: "two\nlines" });
      terminal.live("step 1");
      terminal.json({ event: "done" });
      return terminal;
    });
    expect(stderr).toBe("one\n");
    expect(stdout).toBe('{"event":"step","text":"two\\nlines"}\n{"event":"done"}\n');
    expect(result).toMatchObject({ isLive: false, isJson: true });
  });
});

describe("on a terminal", () => {
  test("a line goes above the live one, which is drawn again", async () => {
    watchedByPeople(true);
    const { stdout } = await captureOutput(() => {
      const terminal = createTerminal(false);
      terminal.live("step 1");
      terminal.line("a worker left");
    });
    expect(stripVTControlCharacters(stdout)).toMatch(/^step 1\n+a worker left\nstep 1\n$/);
  });

  test("nothing is drawn again once the live line is taken away", async () => {
    watchedByPeople(true);
    const { stdout } = await captureOutput(() => {
      const terminal = createTerminal(false);
      terminal.live("step 1");
      terminal.clearLive();
      terminal.line("done");
    });
    expect(stripVTControlCharacters(stdout)).toMatch(/^step 1\n+done\n$/);
    // Cleared by control characters, not only forgotten.
    expect(stdout).not.toBe(stripVTControlCharacters(stdout));
  });

  test("of a continuous integration there is no live line", async () => {
    watchedByPeople(true, "true");
    const { stdout, result } = await captureOutput(() => {
      const terminal = createTerminal(false);
      terminal.live("step 1");
      return terminal;
    });
    expect(result.isLive).toBe(false);
    expect(stdout).toBe("");
  });

  test("with --json the live line is on standard error", async () => {
    watchedByPeople(true);
    const { stdout, stderr } = await captureOutput(() => createTerminal(true).live("step 1"));
    expect(stdout).toBe("");
    expect(stripVTControlCharacters(stderr)).toContain("step 1");
  });
});
