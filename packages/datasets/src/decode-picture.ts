import { ShoalError } from "@shoal/core/outer";
import sharp, { type Channels, type Sharp } from "sharp";
import type { Picture } from "./collection.ts";

/** What every image of a pack becomes. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
  /** 3: red, green, blue. 1: grey. */
  readonly channels: 1 | 3;
}

/** Raised when any pixel changes. */
export function pictureRecipe({ height, width, channels }: PictureSize): string {
  return `${height}x${width}x${channels} lanczos3/1`;
}

/**
 * uint8 `[height, width, channels]` of one image.
 *
 * An image of another size is squeezed into this one (its aspect ratio is not kept) by Lanczos' filter of
 * three lobes, as in the MAML authors' `im.resize((84, 84), Image.LANCZOS)`; pixels of the right size are
 * taken as they are. Transparency is dropped, and grey becomes three equal channels.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT, with where the image lies
 */
export async function decodePicture(picture: Picture, size: PictureSize): Promise<Uint8Array> {
  if (picture.type === "pixels" && hasSize(picture, size)) return picture.bytes;
  const { height, width, channels } = size;
  try {
    const { data, info } = await open(picture)
      .removeAlpha()
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .resize({ width, height, fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false })
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`it has ${info.channels} channels`);
    return data;
  } catch (error) {
    throw new ShoalError(
      "E_DATASET_CORRUPT",
      `${picture.where}: expected an image, but ${(error as Error).message.trim().replaceAll(/\s+/g, " ")}; ` +
        "get it again, or take it out",
      { cause: error },
    );
  }
}

function open(picture: Picture): Sharp {
  if (picture.type === "encoded") return sharp(picture.bytes, { failOn: "error" });
  const { height, width, channels } = picture;
  return sharp(picture.bytes, { raw: { height, width, channels: channels as Channels } });
}

function hasSize(picture: { height: number; width: number; channels: number }, size: PictureSize): boolean {
  return picture.height === size.height && picture.width === size.width && picture.channels === size.channels;
}
