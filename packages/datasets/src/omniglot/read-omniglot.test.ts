import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import {
  blackAndWhitePng,
  type SmallFile,
  smallArchive,
  smallImages,
  smallPart,
} from "../testing/small-omniglot.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { zip } from "../testing/zip.ts";
import { bitmapBytes } from "./decode-image.ts";
import { openArchive } from "./open-archive.ts";
import { openFolder } from "./open-folder.ts";
import type { OmniglotPart } from "./parts.ts";
import { readOmniglot } from "./read-omniglot.ts";

let files: readonly SmallFile[];
let part: OmniglotPart;
beforeAll(async () => {
  files = await smallImages();
  part = smallPart(files);
});

async function openBytes(bytes: Uint8Array) {
  const path = join(await temporaryDirectory(onTestFinished), "images_background.zip");
  await writeFile(path, bytes);
  return openArchive(part, path);
}

async function readBytes(bytes: Uint8Array) {
  return readOmniglot([await openBytes(bytes)], () => {});
}

async function writeFolder(changed: readonly SmallFile[]): Promise<string> {
  const path = join(await temporaryDirectory(onTestFinished), "images_background");
  for (const file of changed) {
    await mkdir(dirname(join(path, file.path)), { recursive: true });
    await writeFile(join(path, file.path), file.png);
  }
  return path;
}

/** The files with one of them replaced. */
function replaced(index: number, change: Partial<SmallFile>): SmallFile[] {
  return files.map((file, i) => (i === index ? { ...file, ...change } : file));
}

describe("a whole archive", () => {
  test("gives sorted names and the inked bits of each image", async () => {
    const events: DatasetEvent[] = [];
    const images = await readOmniglot([await openBytes(smallArchive(files))], (event) => events.push(event));
    expect(images.classNames).toEqual(["Greek/character01", "Greek/character02", "Latin/character01"]);
    files.forEach(({ ink }, i) => {
      const bits = images.bitmaps.subarray(i * bitmapBytes, (i + 1) * bitmapBytes);
      const count = bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
      expect(count).toBe(ink);
    });
    expect(events.at(-1)).toMatchObject({ type: "progress", stage: "read", done: 60, total: 60 });
  });

  test("is the same re-zipped in another order, in a folder, with macOS's shadows, or extracted", async () => {
    const expected = await readBytes(smallArchive(files));
    expect(await readBytes(smallArchive(files.toReversed()))).toEqual(expected);
    const nested = files.flatMap(({ path, png }) => [
      { name: `python/images_background/${path}`, data: png },
      { name: `__MACOSX/images_background/${path}`, data: Buffer.from("shadow") },
    ]);
    expect(await readBytes(zip([...nested, { name: "python/.DS_Store", data: Buffer.from("x") }]))).toEqual(
      expected,
    );
    const folder = await openFolder(part, await writeFolder(files));
    expect(await readOmniglot([folder], () => {})).toEqual(expected);
  });

  test("has an origin that changes with its bytes", async () => {
    const { origin } = await openBytes(smallArchive(files));
    expect((await openBytes(smallArchive(files))).origin).toBe(origin);
    expect((await openBytes(smallArchive(files.toReversed()))).origin).not.toBe(origin);
  });
});

describe("a faulty archive gives one clear error:", () => {
  test("cut off anywhere", async () => {
    const whole = smallArchive(files);
    for (const share of [0, 0.1, 0.5, 0.9, 0.999]) {
      const reading = readBytes(whole.subarray(0, Math.floor(share * whole.length)));
      await expect(reading).rejects.toMatchObject({
        name: "ShoalError",
        code: "E_DATASET_CORRUPT",
        message: expect.stringMatching(
          /images_background\.zip: expected a whole zip archive: .*get it again/,
        ),
      });
    }
  });

  test("no zip at all", async () => {
    await expect(readBytes(Buffer.from("<html>not found</html>".repeat(100)))).rejects.toMatchObject({
      code: "E_DATASET_CORRUPT",
    });
  });

  test("a local header overwritten", async () => {
    const bytes = smallArchive(files);
    bytes.fill(
      0,
      bytes.indexOf("PK\u0003\u0004", 100, "latin1"),
      bytes.indexOf("PK\u0003\u0004", 100, "latin1") + 30,
    );
    await expect(readBytes(bytes)).rejects.toMatchObject({ code: "E_DATASET_CORRUPT" });
  });

  test("a character with an image too few", async () => {
    await expect(readBytes(smallArchive(files.slice(1)))).rejects.toMatchObject({
      code: "E_DATASET_CONTENT",
      message: expect.stringContaining("expected 20 images of Greek/character01, got 19"),
    });
  });

  test("a character too few", async () => {
    await expect(readBytes(smallArchive(files.slice(20)))).rejects.toMatchObject({
      code: "E_DATASET_CONTENT",
      message: expect.stringContaining("expected 3 characters (Alphabet/characterNN/NNNN_NN.png), got 2"),
    });
  });

  test("a damaged PNG", async () => {
    const png = Buffer.from(files[30]!.png);
    png.fill(0x55, 40, 60);
    await expect(readBytes(smallArchive(replaced(30, { png })))).rejects.toMatchObject({
      code: "E_DATASET_CORRUPT",
      message: expect.stringContaining("Greek/character02/0002_11.png: expected a black-and-white PNG"),
    });
  });

  test("an image of another size", async () => {
    const png = await blackAndWhitePng(5, 28);
    await expect(readBytes(smallArchive(replaced(3, { png })))).rejects.toMatchObject({
      code: "E_DATASET_CORRUPT",
      message: expect.stringContaining("of 105 x 105; got 28 x 28"),
    });
  });

  test("one pixel changed", async () => {
    const png = await blackAndWhitePng(files[3]!.ink + 1);
    await expect(readBytes(smallArchive(replaced(3, { png })))).rejects.toMatchObject({
      code: "E_DATASET_CONTENT",
      message: expect.stringContaining("expected the names and pixels of Omniglot's images_background"),
    });
  });

  test("one file renamed", async () => {
    const path = files[3]!.path.replace("_04", "_24");
    await expect(readBytes(smallArchive(replaced(3, { path })))).rejects.toMatchObject({
      code: "E_DATASET_CONTENT",
    });
  });
});
