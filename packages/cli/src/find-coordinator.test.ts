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

const publish = (path: string, url: string) =>
  publishRendezvous(path, { runId: "run", incarnation: 1, url, fingerprint: null, tokenFile: null });

/** A run directory that was started at `second`, with a coordinator at `url` or none. */
function run(name: string, second: number, url: string | null): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "run.json"), "{}");
  if (url !== null) publish(path, url);
  for (const file of ["run.json", ...(url === null ? [] : ["rendezvous.json"])]) {
    utimesSync(join(path, file), second, second);
  }
  return path;
}

describe("a coordinator is found", () => {
  test.each(["ws://127.0.0.1:8471", "http://127.0.0.1:8471/"])("by its URL, %s", (url) => {
    expect(findCoordinator(url)).toEqual({
      url: "http://127.0.0.1:8471",
      fingerprint: null,
      tokens: {},
      run: null,
    });
  });

  test("by its run directory, with the tokens that lie there", () => {
    const path = run("one", 10, "ws://127.0.0.1:4000");
    const { tokens } = keepRunTokens(path, {});
    expect(findCoordinator(path)).toMatchObject({
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
    publish(run("over", 40, null), "ws://127.0.0.1:4003")("complete");
    expect(findCoordinator(undefined, {}, directory).url).toBe("http://127.0.0.1:4002");
  });

  test("and an error where there is none", () => {
    expect(() => findCoordinator(undefined, {}, directory)).toThrow(/there is no run in .*npx shoal train/);
  });
});

describe("what cannot be asked is said, with what to do:", () => {
  test("a directory that is no run", () => {
    expect(() => findCoordinator(directory)).toThrow(/expected a run directory .* found no run/);
  });

  test("a run whose coordinator is gone", () => {
    const path = run("over", 10, null);
    expect(() => findCoordinator(path)).toThrow(/no coordinator runs; .* --resume/);
    writeFileSync(join(path, "summary.json"), '{ "outcome": "complete", "step": 40 }');
    expect(() => findCoordinator(path)).toThrow(/it ended \(complete\) at step 40$/);
  });

  test("a URL of something else", () => {
    expect(() => findCoordinator("ftp://127.0.0.1")).toThrow(/expected ws:\/\/HOST:PORT/);
  });

  test("a token that would go to another machine in the clear", () => {
    const path = run("tokens", 10, null);
    const { file } = keepRunTokens(path, {});
    const values = { "token-file": file };
    expect(() => findCoordinator("ws://run.example:8471", values)).toThrow(
      /expected wss:.*or say --insecure/,
    );
    expect(findCoordinator("ws://run.example:8471", { ...values, insecure: true }).url).toMatch(/^http:/);
    expect(findCoordinator("wss://run.example:8471", values).url).toMatch(/^https:/);
    expect(findCoordinator("ws://127.0.0.1:8471", values).url).toMatch(/^http:/);
  });

  test("a rendezvous that is damaged", () => {
    const path = run("damaged", 10, null);
    writeFileSync(join(path, "rendezvous.json"), "{");
    expect(() => findCoordinator(path)).toThrow(/name the URL instead/);
  });

  test("a run whose coordinator has marked its end", () => {
    const path = run("ended", 10, null);
    publish(path, "ws://127.0.0.1:1")("stopped");
    expect(() => findCoordinator(path)).toThrow(/no coordinator runs/);
  });
});
