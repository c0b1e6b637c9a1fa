import { createHash } from "node:crypto";
import sharp from "sharp";
import type { OmniglotPart } from "../omniglot/parts.ts";
import { zip } from "./zip.ts";

/** One file of the small part: its path below the part's folder, its PNG, and how many pixels are inked. */
export interface SmallFile {
  readonly path: string;
  readonly png: Buffer;
  readonly ink: number;
}

/** 3 characters x 20 images of 105 x 105; the first pixels of each are inked, a different number in each. */
export async function smallImages(): Promise<SmallFile[]> {
  const files: SmallFile[] = [];
  for (const [c, character] of ["Greek/character01", "Greek/character02", "Latin/character01"].entries()) {
    for (let drawer = 1; drawer <= 20; drawer++) {
      const file = `${String(c + 1).padStart(4, "0")}_${String(drawer).padStart(2, "0")}.png`;
      const ink = 20 * c + drawer;
      files.push({ path: `${character}/${file}`, png: await blackAndWhitePng(ink), ink });
    }
  }
  return files;
}

/** A part of three characters, laid out as a published one, whose content is that of `files`. */
export function smallPart(files: readonly SmallFile[]): OmniglotPart {
  const hash = createHash("sha256");
  for (const { path, ink } of files) {
    // 105 * 105 bits, most significant first, of which the first `ink` are 1.
    const bits = Buffer.alloc(1379).fill(0xff, 0, ink >> 3);
    if (ink % 8 !== 0) bits[ink >> 3] = (0xff00 >> (ink % 8)) & 0xff;
    hash.update(`${path}\n`).update(bits);
  }
  return { name: "images_background", characterCount: 3, archiveMd5: "", contentHash: hash.digest("hex") };
}

/** A 1-bit PNG of `side` x `side` whose first `ink` pixels are black. */
export function blackAndWhitePng(ink: number, side = 105): Promise<Buffer> {
  const pixels = Buffer.alloc(side * side, 255).fill(0, 0, ink);
  return sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .png({ palette: false, compressionLevel: 9 })
    .toBuffer();
}

/** The small part's archive. */
export function smallArchive(files: readonly SmallFile[]): Buffer {
  return zip([
    { name: "images_background/", data: new Uint8Array() },
    ...files.map(({ path, png }) => ({ name: `images_background/${path}`, data: png })),
  ]);
}
