import { ShoalError } from "@shoal/core/outer";
import { type OmniglotPart, omniglotExamples } from "./parts.ts";

/** One image file of a part, wherever it lies. */
export type ImageFile = ImageName &
  (
    | {
        /** The file's bytes, a PNG. */
        read(): Promise<Buffer>;
      }
    | {
        /** The image as bits, see `decodeImage`. */
        readBits(): Promise<Uint8Array>;
      }
  );

interface ImageName {
  /** Class of the image: `Greek/character05`. */
  readonly className: string;
  /** `0394_12.png`: the number of the character, the number of the drawer. */
  readonly fileName: string;
}

/** One part of Omniglot on this disk. */
export interface PartOnDisk {
  readonly part: OmniglotPart;
  /** Archive or folder, for messages. */
  readonly path: string;
  /** Changes when the data on disk does: the archive's SHA-256, or a hash of the folder's names. */
  readonly origin: string;
  /** False where drawers may be in another order than published, so that the content cannot be checked. */
  readonly isOrderKnown?: boolean;
  /**
   * All images, sorted by class name, then by file name.
   *
   * @throws {ShoalError} E_DATASET_CORRUPT, E_DATASET_CONTENT
   */
  list(): Promise<readonly ImageFile[]>;
}

const imagePath = /^([^/]+\/character\d+)\/(\d+_\d+\.png)$/;

/** Splits `Greek/character05/0394_12.png`; null for anything else, such as `.DS_Store`. */
export function parseImagePath(path: string): { className: string; fileName: string } | null {
  const match = imagePath.exec(path);
  return match === null ? null : { className: match[1]!, fileName: match[2]! };
}

/**
 * Sorts the files and checks that the part has its characters, each with 20 images.
 *
 * @throws {ShoalError} E_DATASET_CONTENT, with the first character that is not whole
 */
export function sortAndCountFiles(
  part: OmniglotPart,
  path: string,
  files: readonly ImageFile[],
): ImageFile[] {
  const counts = new Map<string, number>();
  for (const { className } of files) counts.set(className, (counts.get(className) ?? 0) + 1);
  const broken = [...counts].sort(byFirst).find(([, count]) => count !== omniglotExamples);
  if (broken !== undefined) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${path}: expected ${omniglotExamples} images of ${broken[0]}, got ${broken[1]}; ` +
        "the data is not whole, get it again",
    );
  }
  if (counts.size !== part.characterCount) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${path}: expected ${part.characterCount} characters (Alphabet/characterNN/NNNN_NN.png), ` +
        `got ${counts.size}; the data is not whole or not Omniglot's ${part.name}, get it again`,
    );
  }
  return files.toSorted(
    (a, b) => compareText(a.className, b.className) || compareText(a.fileName, b.fileName),
  );
}

/** Orders by UTF-16 code unit, as no locale does it differently. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byFirst(a: readonly [string, number], b: readonly [string, number]): number {
  return compareText(a[0], b[0]);
}
