import { open, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "./testing/temporary-directory.ts";
import { writeFileAtomically } from "./write-file-atomically.ts";

const bytes = (text: string) => [Buffer.from(text)];

test("pieces are written one after the other, over an older file, into a new directory", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "new", "file");
  await writeFileAtomically(path, bytes("old"));
  await writeFileAtomically(path, [Buffer.from("two "), Buffer.from("pieces")]);
  expect(await readFile(path, "utf8")).toBe("two pieces");
});

// Linux's /dev/full answers every write with ENOSPC, as a full disk does.
test.skipIf(process.platform !== "linux")("a full disk leaves the old file and nothing else", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  const path = join(directory, "file");
  await writeFileAtomically(path, bytes("old"));
  const writing = writeFileAtomically(path, bytes("new"), () => open("/dev/full", "w"));
  await expect(writing).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(directory)).toEqual(["file"]);
});

test("writers at the same time do not mix", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  const path = join(directory, "file");
  const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
  await Promise.all(texts.map((text) => writeFileAtomically(path, bytes(text))));
  expect(texts).toContain(await readFile(path, "utf8"));
  expect(await readdir(directory)).toEqual(["file"]);
});

test("a temporary file that a killed process left an hour ago is removed, a young one stays", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  const path = join(directory, "file");
  await writeFile(`${path}.1-old.tmp`, "half");
  await writeFile(`${path}.2-new.tmp`, "half");
  const longAgo = new Date(Date.now() - 61 * 60_000);
  await utimes(`${path}.1-old.tmp`, longAgo, longAgo);
  await writeFileAtomically(path, bytes("whole"));
  expect((await readdir(directory)).sort()).toEqual(["file", "file.2-new.tmp"]);
});
