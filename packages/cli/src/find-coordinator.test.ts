import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findCoordinator } from "./find-coordinator.ts";
import { publishRendezvous } from "./rendezvous.ts";
import { keepRunTokens } from "./run-tokens.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "shoal-find-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A run directory that was started at `second`, with a coordinator at `url` or none. */
function run(name: string, second: number, url: string | null): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "run.json"), "{}");
  if (url !== null) publishRendezvous(path, { url, fingerprint: null, incarnation: 1 });
  for (const file of ["run.json", ...(url === null ? [] : ["rendezvous.json"])]) {
    utimesSync(join(path, file), second, second);
  }
  return path;
}

describe("a coordinator is found", () => {
  test.each(["ws://127.0.0.1:8471", "http://127.0.0.1:8471/"])("by its URL, %s", (url) => {
    expect(findCoordinator(url, undefined)).toEqual({ url: "http://127.0.0.1:8471", tokens: {}, run: null });
  });

  test("by its run directory, with the tokens that lie there", () => {
    const path = run("one", 10, "ws://127.0.0.1:4000");
    const { tokens } = keepRunTokens(path, {});
    expect(findCoordinator(path, undefined)).toMatchObject({
      url: "http://127.0.0.1:4000",
      tokens,
      run: { directory: path, rendezvous: { pid: process.pid } },
    });
  });
});

describe("without a name it is that of the newest run,", () => {
  test("one that has a coordinator before one that was started later", () => {
    run("old", 10, "ws://127.0.0.1:4001");
    run("live", 20, "ws://127.0.0.1:4002");
    run("later", 30, null);
    expect(findCoordinator(undefined, undefined, directory).url).toBe("http://127.0.0.1:4002");
  });

  test("and an error where there is none", () => {
    expect(() => findCoordinator(undefined, undefined, directory)).toThrow(
      /there is no run in .*npx shoal train/,
    );
  });
});

describe("what cannot be asked is said, with what to do:", () => {
  test("a directory that is no run", () => {
    expect(() => findCoordinator(directory, undefined)).toThrow(/expected a run directory .* found no run/);
  });

  test("a run whose coordinator is gone", () => {
    const path = run("over", 10, null);
    expect(() => findCoordinator(path, undefined)).toThrow(/no coordinator runs .* --resume/);
    writeFileSync(join(path, "summary.json"), '{ "outcome": "complete", "step": 40 }');
    expect(() => findCoordinator(path, undefined)).toThrow(/it ended \(complete\) at step 40$/);
  });

  test("a URL of something else", () => {
    expect(() => findCoordinator("ftp://127.0.0.1", undefined)).toThrow(/expected ws:\/\/HOST:PORT/);
  });

  test("a rendezvous that is damaged", () => {
    const path = run("damaged", 10, null);
    writeFileSync(join(path, "rendezvous.json"), "{");
    expect(() => findCoordinator(path, undefined)).toThrow(/name the URL instead/);
  });

  test("a coordinator that takes its rendezvous away at its end leaves none", () => {
    const path = run("ended", 10, null);
    publishRendezvous(path, { url: "ws://127.0.0.1:1", fingerprint: null, incarnation: 1 })();
    expect(() => findCoordinator(path, undefined)).toThrow(/no coordinator runs/);
  });
});
