import type { NumpyType } from "../pickle/numpy-array.ts";
import { parseNumpyType } from "../pickle/numpy-array.ts";

/** What the header of a `.npy` file says. */
export interface NumpyHeader {
  readonly shape: readonly number[];
  readonly type: NumpyType;
  /** Where the data begins, in bytes. */
  readonly dataStart: number;
}

/** Bytes of a file that hold any header. */
export const numpyHeaderBytes = 4096;

/**
 * Reads the header of a `.npy` file: magic, version, length, then a Python dict as text.
 *
 * @throws {Error} if it is none, or in column-major order
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNumpyHeader(bytes: Buffer): NumpyHeader {
  if (bytes.length < 12 || bytes.toString("latin1", 0, 6) !== "\u{93}NUMPY")
    throw new Error("it is no .npy file");
  const isLong = bytes[6]! >= 2;
  const length = isLong ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const start = isLong ? 12 : 10;
  if (start + length > bytes.length) throw new Error("its header is cut off or too long");
  const text = bytes.toString("latin1", start, start + length);
  const type = /'descr':\s*'([^']+)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (type === undefined || shape === undefined) throw new Error(`its header says ${text.trim()}`);
  if (/'fortran_order':\s*True/.test(text)) throw new Error("it is in column-major (Fortran) order");
  const sides = shape.match(/\d+/g) ?? [];
  return { shape: sides.map(Number), type: parseNumpyType(type), dataStart: start + length };
}
