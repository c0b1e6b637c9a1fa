import type { Split } from "@shoal/core";

/** One image as it lies on disk. */
export type Picture =
  /** A file: JPEG, PNG or what else sharp reads. */
  | { readonly type: "encoded"; readonly where: string; readonly bytes: Uint8Array }
  /** Pixels, uint8 `[height, width, channels]`, row-major. */
  | {
      readonly type: "pixels";
      readonly where: string;
      readonly height: number;
      readonly width: number;
      readonly channels: number;
      readonly bytes: Uint8Array;
    };

export interface CollectionClass {
  readonly name: string;
  /** As the files say; null: they leave it to the reader. */
  readonly split: Split | null;
}

/** All images of a data set as users have them, in one of the formats that `formats/` reads. */
export interface Collection {
  /** What was detected, for people: `csv lists (filename,label) with images/`. */
  readonly format: string;
  readonly path: string;
  /** Hash (hex) that changes when the files are others: of their names, sizes and lists, not their pixels. */
  readonly origin: string;
  readonly classes: readonly CollectionClass[];
  /** Index in `classes` of each image, in the order in which images are read fastest. */
  readonly labels: ArrayLike<number>;
  /**
   * Images `first ... first + count - 1`.
   *
   * @throws {ShoalError} E_DATASET_CORRUPT
   */
  read(first: number, count: number): Promise<readonly Picture[]>;
  close(): Promise<void>;
}

/** One way in which a data set lies on disk. */
export interface Format {
  /** For people: `class folders`. */
  readonly name: string;
  /** What it needs, for people: `train/, val/ and test/ with a folder per class`. */
  readonly expects: string;
  /**
   * Opens the collection in `directory`; null if nothing there is of this format.
   *
   * @throws {ShoalError} E_DATASET_CONTENT if some of it is there but not all, naming what is missing
   */
  detect(directory: string): Promise<Collection | null>;
}
