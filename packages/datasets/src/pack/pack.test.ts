import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Collection } from "../collection.ts";
import type { DatasetEvent } from "../dataset-event.ts";
import { picturesPerRead } from "../limits.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { PackedImages } from "./open-pack.ts";
import { findPacks, packFiles } from "./pack-files.ts";
import { readPackIndex } from "./pack-index.ts";
import { withLock } from "./pack-lock.ts";
import { statusOfPacks } from "./pack-status.ts";
import { writePack } from "./write-pack.ts";

const side = 4;
const imageBytes = side * side * 3;
const size = { height: side, width: side, channels: 3 } as const;
const classes = [
  { name: "b", split: "train" },
  { name: "z", split: "test" },
  { name: "a", split: "train" },
] as const;
/** Enough for four reads; classes take turns, so that every image's place has to be worked out. */
const images = 3 * picturesPerRead + 7;

const pixelsOf = (i: number) => new Uint8Array(imageBytes).map((_, k) => (7 * i + k) % 256);

/** A collection in memory that counts what is read, and fails at image `failsAt`. */
function collection(failsAt = Number.POSITIVE_INFINITY): Collection & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    format: "numbers",
    path: "nowhere",
    origin: "0123456789abcdef",
    classes,
    labels: Array.from({ length: images }, (_, i) => i % 3),
    reads,
    async read(first, count) {
      reads.push(first);
      if (first + count > failsAt) throw new Error("the source broke off");
      return Array.from({ length: count }, (_, k) => ({
        type: "pixels",
        where: "",
        ...size,
        bytes: pixelsOf(first + k),
      }));
    },
    close: async () => {},
  };
}

async function setUp() {
  const cacheDir = await temporaryDirectory(onTestFinished);
  return { cacheDir, files: packFiles(cacheDir, "numbers", side, "0123456789abcdef") };
}

const pack = (files: ReturnType<typeof packFiles>, from: Collection, signal?: AbortSignal) => {
  const events: DatasetEvent[] = [];
  const onEvent = (event: DatasetEvent) => void events.push(event);
  const work = writePack({ dataset: "numbers", files, collection: from, size, onEvent, signal });
  return { work, events };
};

/** Images of class c in the collection's order: c, c + 3, c + 6 ... */
function expectWhole(packed: PackedImages): void {
  // By split, then by name: a (2), b (0), z (1).
  expect(packed.index.classes.map(({ name }) => name)).toEqual(["a", "b", "z"]);
  for (const [place, c] of [2, 0, 1].entries()) {
    expect(packed.imageCount(place)).toBe(Math.ceil((images - c) / 3));
    for (let e = 0; e < packed.imageCount(place); e++) {
      expect([...packed.image(place, e)]).toEqual([...pixelsOf(3 * e + c)]);
    }
  }
}

test("a pack holds every image at its class's place, and leaves only its two files", async () => {
  const { cacheDir, files } = await setUp();
  const { work, events } = pack(files, collection());
  const packed = new PackedImages(files, await work);
  expectWhole(packed);
  packed.close();
  expect((await readdir(cacheDir)).sort()).toEqual([
    "numbers-4-0123456789ab.json",
    "numbers-4-0123456789ab.pixels",
  ]);
  expect(events.filter(({ type }) => type === "progress").at(-1)).toMatchObject({
    stage: "hash",
    done: images * imageBytes,
  });
  expect(await readPackIndex(files.index)).toMatchObject({ type: "read", index: { dataset: "numbers" } });
});

test("a class's hash is that of its bytes, and the content's hash does not depend on the origin", async () => {
  const { cacheDir, files } = await setUp();
  const index = await pack(files, collection()).work;
  const ofA = createHash("sha256");
  for (let i = 2; i < images; i += 3) ofA.update(pixelsOf(i));
  expect(index.classes[0]!.sha256).toBe(ofA.digest("hex"));
  const other = { ...collection(), origin: "ffff" };
  const again = await pack(packFiles(cacheDir, "numbers", side, "ffff00000000"), other).work;
  expect(again.contentHash).toBe(index.contentHash);
});

test("packing that broke off goes on where it was", async () => {
  const { cacheDir, files } = await setUp();
  const stop = new AbortController();
  const first = collection();
  const stopping = {
    ...first,
    read: (from: number, count: number) => {
      if (from === picturesPerRead) stop.abort();
      return first.read(from, count);
    },
  };
  await expect(pack(files, stopping, stop.signal).work).rejects.toMatchObject({
    code: "E_INTERRUPTED",
    message: `numbers: packing stopped after 256 of ${images} images; run the command again to go on from there`,
  });
  expect(await statusOfPacks(cacheDir, "numbers")).toMatchObject([
    { state: { type: "unfinished", images: 256 } },
  ]);
  expect(await findPacks(cacheDir, "numbers", side)).toEqual([]);
  const second = collection();
  const { work, events } = pack(files, second);
  const packed = new PackedImages(files, await work);
  expect(second.reads).toEqual([2 * picturesPerRead, 3 * picturesPerRead]);
  expect(events[0]).toMatchObject({ type: "pack-resumed", done: 256 });
  expectWhole(packed);
  packed.close();
});

test("a note of progress without pixels, or with nonsense, starts again", async () => {
  for (const note of ["256", "-1", "1e9", "none"]) {
    const { files } = await setUp();
    await writeFile(files.progress, note);
    const from = collection();
    await pack(files, from).work;
    expect(from.reads[0]).toBe(0);
  }
});

test("a changed byte is noticed when its class is first used; a cut-off file when it is opened", async () => {
  const { files } = await setUp();
  const index = await pack(files, collection()).work;
  const file = await open(files.pixels, "r+");
  await file.write(Uint8Array.of(1), 0, 1, (images - 1) * imageBytes);
  await file.close();
  const packed = new PackedImages(files, index);
  expect([...packed.image(0, 0)]).toEqual([...pixelsOf(2)]);
  expect(() => packed.image(2, 0)).toThrow(
    expect.objectContaining({
      code: "E_DATASET_CORRUPT",
      message: expect.stringMatching(
        /numbers-4-0123456789ab\.pixels: .* expected class z to have SHA-256 .*, got /,
      ),
    }),
  );
  packed.close();
  await truncate(files.pixels, 100);
  expect(() => new PackedImages(files, index)).toThrow(/expected 18768 bytes, got 100/);
});

test("an index that was changed is rejected", async () => {
  const { cacheDir, files } = await setUp();
  await pack(files, collection()).work;
  const text = await readFile(files.index, "utf8");
  for (const broken of [
    "",
    "{}",
    text.slice(0, -9),
    text.replace('"a"', '"c"'),
    text.replace('"train"', '"test"'),
  ]) {
    await writeFile(files.index, broken);
    expect((await readPackIndex(files.index)).type).toBe("rejected");
    expect(await statusOfPacks(cacheDir, "numbers")).toMatchObject([{ state: { type: "damaged" } }]);
  }
  await rm(files.index);
  expect((await readPackIndex(files.index)).type).toBe("missing");
});

test("one process packs at a time; a lock whose process is gone is taken over", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "lock");
  const order: string[] = [];
  const waits: string[] = [];
  const run = (name: string) =>
    withLock(
      path,
      (holder) => waits.push(holder),
      undefined,
      async () => {
        order.push(`${name} begins`);
        await mkdir(`${path}-${name}`);
        order.push(`${name} ends`);
      },
    );
  await Promise.all([run("1"), run("2")]);
  expect(new Set([order[0]![0], order[2]![0]])).toEqual(new Set(["1", "2"]));
  expect(order.map((text) => text.slice(2))).toEqual(["begins", "ends", "begins", "ends"]);
  expect(waits).toHaveLength(1);
  // No process has this id: Linux's largest is 2^22.
  const { hostname } = await import("node:os");
  await writeFile(path, `${hostname()} 4194305 dead`);
  await run("3");
  expect(waits).toHaveLength(1);
});
