import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeVersion } from "./code-version.ts";

let build: string;
beforeAll(async () => {
  build = await mkdtemp(join(tmpdir(), "shoal-build-"));
  await mkdir(join(build, "passes"));
  await writeFile(join(build, "index.js"), "export const a = 1;");
  await writeFile(join(build, "passes", "lower.js"), "export const b = 2;");
});
afterAll(() => rm(build, { recursive: true }));

test("the version of the same code is the same", async () => {
  expect(await codeVersion([build])).toBe(await codeVersion([build]));
  expect(await codeVersion([build])).toMatch(/^[0-9a-f]{64}$/);
});

test("any change of a script, deep down or in its name, is another version", async () => {
  const versions = [await codeVersion([]), await codeVersion([build])];
  await writeFile(join(build, "passes", "lower.js"), "export const b = 3;");
  versions.push(await codeVersion([build]));
  await rename(join(build, "passes", "lower.js"), join(build, "passes", "lowered.js"));
  versions.push(await codeVersion([build]));
  await writeFile(join(build, "more.js"), "");
  versions.push(await codeVersion([build]));
  expect(new Set(versions).size).toBe(versions.length);
});

test("what is not a script is not part of the version", async () => {
  const before = await codeVersion([build]);
  await writeFile(join(build, "index.js.map"), "{}");
  expect(await codeVersion([build])).toBe(before);
});
