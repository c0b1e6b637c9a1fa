import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { createImageStore } from "./image-store.ts";
import { encodeStore, readStoreFile } from "./store-file.ts";

const store = createImageStore({
  recipe: "test/1",
  origin: "seed 1",
  height: 2,
  width: 2,
  examplesPerClass: 2,
  classNames: ["a", "b"],
  pixels: Uint8Array.from({ length: 16 }, (_, i) => 16 * i),
});
const file = Buffer.concat(encodeStore(store));

test("a store comes back from its file", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "store");
  await writeFile(path, file);
  const reading = await readStoreFile(path);
  expect(reading.type === "read" && { ...reading.store, pixels: [...reading.store.pixels] }).toEqual({
    ...store,
    pixels: [...store.pixels],
  });
});

test("a file cut off anywhere, or with trailing bytes, is rejected", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "store");
  for (let length = 0; length < file.length; length++) {
    await writeFile(path, file.subarray(0, length));
    expect((await readStoreFile(path)).type).toBe("rejected");
  }
  await writeFile(path, Buffer.concat([file, Buffer.from([0])]));
  expect((await readStoreFile(path)).type).toBe("rejected");
});

test("no changed byte goes unnoticed, except in the recipe and origin that the reader compares", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "store");
  await fc.assert(
    fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(file);
      damaged[at] = damaged[at]! ^ change;
      await writeFile(path, damaged);
      const reading = await readStoreFile(path);
      if (reading.type === "read") {
        expect(reading.store.contentHash).toBe(store.contentHash);
        expect([...reading.store.pixels]).toEqual([...store.pixels]);
        expect(reading.store.classNames).toEqual(store.classNames);
      }
    }),
  );
});

test("no file is missing, a directory is rejected", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  expect(await readStoreFile(join(directory, "store"))).toEqual({ type: "missing" });
  await mkdir(join(directory, "folder"));
  expect((await readStoreFile(join(directory, "folder"))).type).toBe("rejected");
});

test("the content hash covers names, sizes and pixels", () => {
  const { contentHash, ...parts } = store;
  const others = [
    { ...parts, classNames: ["a", "c"] },
    { ...parts, height: 1, width: 4 },
    { ...parts, pixels: parts.pixels.map((byte) => byte ^ 1) },
  ];
  for (const other of others) expect(createImageStore(other).contentHash).not.toBe(contentHash);
  expect(createImageStore({ ...parts, origin: "seed 2" }).contentHash).toBe(contentHash);
});
