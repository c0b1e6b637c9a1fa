import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ShoalError } from "@shoal/core/outer";
import type { ClassImages } from "../images/class-images.ts";
import { hashPieceBytes } from "../limits.ts";
import type { PackFiles } from "./pack-files.ts";
import { type PackIndex, packBytes } from "./pack-index.ts";

/**
 * The images of a pack, read from its file where they are asked for.
 *
 * Nothing is held in this process's heap but one image: the operating system's cache holds the file, once
 * for all processes of the machine. A class is hashed when it is first asked for (13 MB of MiniImageNet: about
 * 10 ms), so bytes that changed on disk never reach a model.
 */
export class PackedImages implements ClassImages {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly contentHash: string;
  readonly index: PackIndex;
  /** The pixel file. */
  readonly path: string;
  readonly #file: number;
  readonly #image: Uint8Array;
  /** First image of each class. */
  readonly #starts: readonly number[];
  readonly #isVerified: boolean[];

  /** @throws {ShoalError} E_DATASET_CORRUPT if the pixels are not there or too few */
  constructor(files: PackFiles, index: PackIndex) {
    this.index = index;
    this.height = index.height;
    this.width = index.width;
    this.channels = index.channels;
    this.contentHash = index.contentHash;
    this.path = files.pixels;
    this.#image = new Uint8Array(index.height * index.width * index.channels);
    let start = 0;
    this.#starts = index.classes.map(({ images }) => {
      start += images;
      return start - images;
    });
    this.#isVerified = index.classes.map(() => false);
    this.#file = this.#open(files.pixels, packBytes(index));
  }

  imageCount(classIndex: number): number {
    return this.index.classes[classIndex]!.images;
  }

  image(classIndex: number, example: number): Uint8Array {
    if (!this.#isVerified[classIndex]) this.verifyClass(classIndex);
    this.#read(this.#image, (this.#starts[classIndex]! + example) * this.#image.length);
    return this.#image;
  }

  /** @throws {ShoalError} E_DATASET_CORRUPT if the class's bytes are not those that were packed */
  verifyClass(classIndex: number): void {
    const { name, images, sha256 } = this.index.classes[classIndex]!;
    const start = this.#starts[classIndex]! * this.#image.length;
    const end = start + images * this.#image.length;
    const hash = createHash("sha256");
    const piece = new Uint8Array(Math.min(hashPieceBytes, end - start));
    for (let at = start; at < end; at += piece.length) {
      const bytes = piece.subarray(0, Math.min(piece.length, end - at));
      this.#read(bytes, at);
      hash.update(bytes);
    }
    const actual = hash.digest("hex");
    if (actual !== sha256) {
      throw this.#damaged(
        `expected class ${name} to have SHA-256 ${sha256.slice(0, 12)}, got ${actual.slice(0, 12)}`,
      );
    }
    this.#isVerified[classIndex] = true;
  }

  close(): void {
    closeSync(this.#file);
  }

  #open(path: string, expected: number): number {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch (error) {
      throw this.#damaged((error as Error).message);
    }
    const { size } = fstatSync(file);
    if (size === expected) return file;
    closeSync(file);
    throw this.#damaged(`expected ${expected} bytes, got ${size}`);
  }

  /** Fills `target` from `position`. */
  #read(target: Uint8Array, position: number): void {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#file, target, done, target.length - done, position + done);
      if (count === 0) throw this.#damaged(`it ends at byte ${position + done}`);
      done += count;
    }
  }

  #damaged(what: string): ShoalError {
    return new ShoalError(
      "E_DATASET_CORRUPT",
      `${this.path}: the packed store is damaged: ${what}; remove it and its .json, and prepare the data again`,
    );
  }
}
