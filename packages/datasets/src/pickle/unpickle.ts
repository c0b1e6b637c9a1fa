import { ShoalError } from "@shoal/core/outer";
import pickleparser from "pickleparser";
import { FileBytes } from "./file-bytes.ts";
import { isNumpyArray, type NumpyArray, numbersOf, PickledArray, PickledType } from "./numpy-array.ts";
import { PickleFile } from "./pickle-file.ts";

/**
 * A Python pickle (protocol 2 to 5) of plain values and numpy arrays: dicts are Maps with text keys, lists and
 * tuples are arrays.
 *
 * Nothing is executed: a pickle that refers to any function or class but those below is refused. Strings
 * longer than a few kilobytes stay on disk, so a file of gigabytes costs little memory; many small objects
 * cost about 1 KB each.
 */
export interface Pickle {
  readonly value: unknown;
  readonly file: PickleFile;
}

/** @throws {ShoalError} E_DATASET_CORRUPT if it is no pickle, or not of a kind that is read */
export function openPickle(path: string): Pickle {
  let file: PickleFile | null = null;
  try {
    file = new PickleFile(path);
    if (!file.hasNext()) throw new Error("it is empty");
    const first = file.byte();
    if (first !== 0x80) {
      throw new Error(
        "it is no pickle of protocol 2 or newer; write it again with pickle.dump(..., protocol=4)",
      );
    }
    file.skip(-1);
    const parser = new pickleparser.Parser({
      nameResolver: { resolve },
      unpicklingTypeOfDictionary: "Map",
    });
    return { value: withTextKeys(parser.read(file)), file };
  } catch (error) {
    file?.close();
    throw new ShoalError(
      "E_DATASET_CORRUPT",
      `${path}: expected a Python pickle: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

type PickleFunction = (...args: never[]) => unknown;

/** Modules moved and were renamed between versions of numpy and Python. */
const functions: Readonly<Record<string, PickleFunction>> = {
  "multiarray._reconstruct": () => new PickledArray(),
  "multiarray.scalar": (type: PickledType, data: Uint8Array | string) =>
    numbersOf(type, typeof data === "string" ? Buffer.from(data, "latin1") : data)[0],
  "numeric._frombuffer": (data: Uint8Array, type: PickledType, shape: number[], order: string) => {
    const array = new PickledArray();
    array.fill(shape, type, data, order === "F");
    return array;
  },
  "numpy.ndarray": () => new PickledArray(),
  "numpy.dtype": (text: string) => new PickledType(text),
  "_codecs.encode": (text: string | FileBytes) =>
    text instanceof FileBytes ? text : Buffer.from(text, "latin1"),
  "builtins.bytes": () => new Uint8Array(),
  "builtins.bytearray": (data: Uint8Array = new Uint8Array()) => data,
  "builtins.range": range,
  "builtins.list": (items: unknown[] = []) => items,
  "builtins.set": (items: unknown[] = []) => items,
  "collections.OrderedDict": (items: [unknown, unknown][] = []) => new Map(items),
  "collections.defaultdict": () => new Map(),
};

function resolve(module: string, name: string): PickleFunction {
  const home = module.replace(/^numpy\.(_?core)\./, "").replace(/^__builtin__$/, "builtins");
  const found = functions[`${home}.${name === "xrange" ? "range" : name}`];
  if (found !== undefined) return found;
  throw new Error(`it refers to ${module}.${name}, which no data set needs; it is not read`);
}

function range(start: number, stop: number, step = 1): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
}

/** Dicts whose keys were bytes (Python 2 read by Python 3) get the same keys as text. */
function withTextKeys(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  return new Map(Array.from(value, ([key, item]) => [textOf(key), withTextKeys(item)]));
}

/** Text, or bytes as text. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return String(value);
}

/** The bytes of a string or array, read from disk where they were left there. */
export function bytesIn({ file }: Pickle, data: Uint8Array, first: number, count: number): Uint8Array {
  return data instanceof FileBytes ? file.slice(data, first, count) : data.subarray(first, first + count);
}

/** The numbers of a list, tuple, range or array. */
export function numbersIn(pickle: Pickle, value: unknown): number[] | null {
  if (isNumpyArray(value)) {
    const count = itemsOf(value.shape);
    return numbersOf(value.type, Uint8Array.from(bytesIn(pickle, value.data, 0, count * value.type.size)));
  }
  if (!Array.isArray(value)) return null;
  const numbers = value.map(Number);
  return numbers.every((number) => Number.isFinite(number)) ? numbers : null;
}

export function itemsOf(shape: NumpyArray["shape"]): number {
  return shape.reduce((product, side) => product * side, 1);
}
