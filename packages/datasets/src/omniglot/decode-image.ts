import { ShoalError } from "@shoal/core/outer";
import sharp from "sharp";
import { omniglotSidePx } from "./parts.ts";

/** Bytes of one image as bits. */
export const bitmapBytes = Math.ceil(omniglotSidePx ** 2 / 8);

/**
 * Decodes one published PNG into bits, row by row, most significant bit first: 1 is ink.
 *
 * The PNGs are 1-bit with white paper; ink = 1 - png / max.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it is no such image
 */
export async function decodeImage(where: string, png: Buffer): Promise<Uint8Array> {
  const { data, info } = await sharp(png, { failOn: "warning", sequentialRead: false })
    .toColourspace("b-w")
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw damaged(where, (error as Error).message, error);
    });
  if (info.width !== omniglotSidePx || info.height !== omniglotSidePx || info.channels !== 1) {
    throw damaged(where, `got ${info.width} x ${info.height} with ${info.channels} channels`);
  }
  const bits = new Uint8Array(bitmapBytes);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value === 0) bits[i >> 3]! |= 0x80 >> (i & 7);
    else if (value !== 255) throw damaged(where, `got a pixel of ${value}, neither black nor white`);
  }
  return bits;
}

function damaged(where: string, what: string, cause?: unknown): ShoalError {
  return new ShoalError(
    "E_DATASET_CORRUPT",
    `${where}: expected a black-and-white PNG of ${omniglotSidePx} x ${omniglotSidePx}; ${what}; ` +
      "the data is damaged, get it again",
    { cause },
  );
}
