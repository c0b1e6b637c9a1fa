import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { openOmniglotFiles } from "./omniglot-files.ts";

const characters = 1623;
const pixels = 20 * 28 * 28;

/** A float32 array in a .npy file: character c has ink (0.25 or 1) in its first c pixels, on paper of 0 or 1. */
function npy(shape: string, paper: 0 | 1): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.alloc(128, " ");
  header.write("\u{93}NUMPY\u{1}\u{0}", "latin1");
  header.writeUInt16LE(118, 8);
  header.write(text, 10, "latin1");
  header.write("\n", 127);
  const values = new Float32Array(characters * pixels).fill(paper);
  for (let c = 0; c < characters; c++) {
    for (let k = 0; k < c; k++) {
      const ink = k % 2 === 0 ? 1 : 0.25;
      values[c * pixels + k] = paper === 0 ? ink : 1 - ink;
    }
  }
  return Buffer.concat([header, Buffer.from(values.buffer)]);
}

async function openBytes(bytes: Buffer) {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFile(join(directory, "omniglot.npy"), bytes);
  const events: DatasetEvent[] = [];
  return { files: await openOmniglotFiles(directory, (event) => events.push(event)), events };
}

test.each([0, 1] as const)("omniglot.npy gives ink of 255, its paper being %i", async (paper) => {
  const { files, events } = await openBytes(npy("1623, 20, 1, 28, 28", paper));
  const grey = await files.build("grey");
  const binary = await files.build("binary");
  // Character 5 has ink in 5 pixels: 1, 1/4, 1, 1/4, 1; 255 / 4 = 63.75, and 255 - 191.25 with paper of 1.
  const quarter = paper === 0 ? 64 : 255 - 191;
  expect([...grey.pixels.subarray(5 * pixels, 5 * pixels + 6)]).toEqual([255, quarter, 255, quarter, 255, 0]);
  expect([...binary.pixels.subarray(5 * pixels, 5 * pixels + 6)]).toEqual([255, 0, 255, 0, 255, 0]);
  expect(grey.classNames[5]).toBe("character0005");
  expect(events.map(({ type }) => type)).toEqual(["deviation", "deviation"]);
});

test("an array of another shape, or cut off, is refused", async () => {
  const whole = npy("1623, 20, 1, 28, 28", 0);
  const short = await openBytes(whole.subarray(0, 100_000));
  await expect(short.files.build("grey")).rejects.toMatchObject({
    code: "E_DATASET_CORRUPT",
    message: expect.stringContaining("omniglot.npy: it ends in character 1 of 1623; get the file again"),
  });
  const other = await openBytes(npy("1000, 20, 1, 28, 28", 0));
  await expect(other.files.build("grey")).rejects.toThrow(
    "expected an array [1623, 20, 1, 28, 28], got [1000, 20, 1, 28, 28]",
  );
});
