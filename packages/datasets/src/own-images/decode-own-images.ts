import type { DatasetConfig } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import sharp from "sharp";
import { decodePicture } from "../decode-picture.ts";
import { exampleShapeOf } from "../example-shape.ts";
import { normalizationTables } from "../images/normalization.ts";
import { bitmapBytes } from "../omniglot/decode-image.ts";
import { omniglotSidePx } from "../omniglot/parts.ts";
import { shrinkBinary, shrinkGrey } from "../omniglot/shrink.ts";
import { areaAverage, type Plane } from "./area-average.ts";
import { readOwnImage } from "./read-labelled-images.ts";

/** A person's images as a model sees them. */
export interface DecodedImages {
  /** float32 `[n, height, width, channels]`. */
  readonly x: Float32Array;
  /** What was done to them, for people. */
  readonly done: string;
  /** Files that were light on dark, and were inverted. */
  readonly inverted: readonly string[];
}

/**
 * Decodes images as the data set of an experiment does its own.
 *
 * Pictures are turned as their EXIF data says, squeezed to the side, and scaled. Drawings become ink 1 on paper 0,
 * padded to a square; one that is mostly dark is light on dark, and is inverted.
 *
 * @throws {ShoalError} E_OWN_IMAGES if a file is no image, E_DATASET_CONFIG if the experiment has no images
 */
export async function decodeOwnImages(
  files: readonly string[],
  config: DatasetConfig,
): Promise<DecodedImages> {
  const { example } = exampleShapeOf(config);
  const size = example.reduce((product, side) => product * side, 1);
  const x = new Float32Array(files.length * size);
  if (config.source === "mixed" && config.channels === 1) {
    throw new ShoalError(
      "E_DATASET_CONFIG",
      "checkpoint: expected one that was trained on one data set, or on a mixture in colour; this one's grey may be " +
        "ink on paper or light in a picture; take another run",
    );
  }
  if ("imageSide" in config) {
    const { imageSide: side, normalization } = config;
    const tables = normalizationTables(normalization, 3);
    for (const [k, file] of files.entries()) {
      const bytes = await decode(file, (image) => decodeColour(file, image, side));
      for (let i = 0; i < size; i++) x[k * size + i] = tables[i % 3]![bytes[i]!]!;
    }
    const scale = normalization === "unit" ? "/255" : "ImageNet mean and deviation";
    return { x, done: `${side}x${side} colour (aspect ratio not kept), ${scale}`, inverted: [] };
  }
  if (config.source !== "omniglot" && config.source !== "glyphs") {
    throw new ShoalError(
      "E_DATASET_CONFIG",
      `checkpoint: expected one that was trained on images, got ${config.source}; take another run`,
    );
  }
  const pixels = config.source === "omniglot" ? config.pixels : "area";
  const inverted: string[] = [];
  for (const [k, file] of files.entries()) {
    const plane = await decode(file, decodeInk);
    const ink = plane.values.reduce((sum, value) => sum + value, 0) / plane.values.length;
    if (ink > 0.5) {
      inverted.push(file);
      for (let i = 0; i < plane.values.length; i++) plane.values[i] = 1 - plane.values[i]!;
    }
    const bytes = shrink(squared(plane), pixels);
    for (let i = 0; i < size; i++) x[k * size + i] = Math.fround(bytes[i]! / 255);
  }
  const how = {
    binary: "black and white, nearest pixel",
    grey: "grey, area-averaged",
    area: "grey, area-averaged",
  };
  return { x, done: `28x28, ${how[pixels]}, ink 1 on paper 0`, inverted };
}

async function decode<T>(file: string, work: (bytes: Buffer) => Promise<T>): Promise<T> {
  const bytes = await readOwnImage(file);
  try {
    return await work(bytes);
  } catch (error) {
    const reason = (error as Error).message.trim().replaceAll(/\s+/g, " ");
    throw new ShoalError(
      "E_OWN_IMAGES",
      `${file}: expected an image, but ${reason}; replace it, or take it out`,
      {
        cause: error,
      },
    );
  }
}

async function decodeColour(file: string, bytes: Buffer, side: number): Promise<Uint8Array> {
  const { data, info } = await sharp(bytes, { failOn: "error" })
    .autoOrient()
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { height, width, channels } = info;
  const picture = { type: "pixels" as const, where: file, height, width, channels, bytes: data };
  return decodePicture(picture, { height: side, width: side, channels: 3 });
}

/** The share of ink of every pixel of a drawing, on white paper. */
async function decodeInk(bytes: Buffer): Promise<Plane> {
  const { data, info } = await sharp(bytes, { failOn: "error" })
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace("b-w")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const values = Float64Array.from({ length: width * height }, (_, i) => 1 - data[i * channels]! / 255);
  return { width, height, values };
}

/** Centred on a square of paper. */
function squared({ width, height, values }: Plane): Plane {
  if (width === height) return { width, height, values };
  const side = Math.max(width, height);
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
  const square = new Float64Array(side * side);
  for (let row = 0; row < height; row++) {
    square.set(values.subarray(row * width, (row + 1) * width), (top + row) * side + left);
  }
  return { width: side, height: side, values: square };
}

/** Bytes `[28, 28]`; Omniglot's by way of its own size and bits, so that a published drawing gives its own pixels. */
function shrink(plane: Plane, pixels: "binary" | "grey" | "area"): Uint8Array {
  if (pixels === "area") return Uint8Array.from(areaAverage(plane, 28), (share) => Math.round(255 * share));
  const bits = new Uint8Array(bitmapBytes);
  areaAverage(plane, omniglotSidePx).forEach((share, i) => {
    if (share >= 0.5) bits[i >> 3]! |= 0x80 >> (i & 7);
  });
  const target = new Uint8Array(28 * 28);
  (pixels === "binary" ? shrinkBinary : shrinkGrey)(bits, target);
  return target;
}
