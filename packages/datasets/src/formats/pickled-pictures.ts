import type { Picture } from "../collection.ts";
import { isNumpyArray, type NumpyArray } from "../pickle/numpy-array.ts";
import { bytesIn, itemsOf, type Pickle } from "../pickle/unpickle.ts";
import { corrupt, cutPictures, imageShape } from "./array-parts.ts";

/** Images of a pickle. */
export interface PickledPictures {
  readonly count: number;
  read(first: number, count: number): Promise<Picture[]>;
}

/**
 * Images in a pickle: one uint8 array `[images, height, width, channels]`, a list of such arrays, or a list of
 * encoded files (bytes, or arrays of bytes).
 *
 * @throws {ShoalError} E_DATASET_CONTENT, E_DATASET_CORRUPT
 */
export function picturesIn(path: string, pickle: Pickle, value: unknown): PickledPictures {
  if (isNumpyArray(value)) return arrayPictures(path, pickle, value);
  if (!Array.isArray(value)) throw corrupt(path, "expected an array or a list of images, got neither");
  return {
    count: value.length,
    read: async (first, count) =>
      value.slice(first, first + count).map((item: unknown, i) => {
        const where = `${path}: image ${first + i}`;
        if (isNumpyArray(item) && item.shape.filter((side) => side > 1).length > 1) {
          const shape = imageShape(where, [1, ...item.shape], isBytes(item));
          return cutPictures(path, bytesIn(pickle, item.data, 0, itemsOf(item.shape)), first + i, shape)[0]!;
        }
        return { type: "encoded", where, bytes: encodedBytes(where, pickle, item) };
      }),
  };
}

function arrayPictures(path: string, pickle: Pickle, array: NumpyArray): PickledPictures {
  const shape = imageShape(path, array.shape, isBytes(array));
  const size = itemsOf(shape);
  return {
    count: array.shape[0]!,
    read: async (first, count) =>
      cutPictures(path, bytesIn(pickle, array.data, first * size, count * size), first, shape),
  };
}

function encodedBytes(where: string, pickle: Pickle, item: unknown): Uint8Array {
  const data = isNumpyArray(item) ? item.data : item;
  if (typeof data === "string") return Buffer.from(data, "latin1");
  if (!(data instanceof Uint8Array))
    throw corrupt(where, "expected the bytes of an image, got something else");
  const size = isNumpyArray(item) ? itemsOf(item.shape) : "size" in data ? Number(data.size) : data.length;
  return bytesIn(pickle, data, 0, size);
}

function isBytes({ type }: NumpyArray): boolean {
  return type.kind === "u" && type.size === 1;
}
