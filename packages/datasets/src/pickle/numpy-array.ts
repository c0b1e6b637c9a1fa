import { FileBytes } from "./file-bytes.ts";

/** A numpy type: kind (`u`, `i`, `f`, `b`), bytes per item, byte order. */
export interface NumpyType {
  readonly kind: string;
  readonly size: number;
  readonly isBigEndian: boolean;
}

/** A numpy array of a pickle, row-major; long data stays on disk. */
export interface NumpyArray {
  readonly shape: readonly number[];
  readonly type: NumpyType;
  readonly data: Uint8Array;
}

/** `u1`, `<f8`, `|S5`. */
export function parseNumpyType(text: string, order = ""): NumpyType {
  const match = /^([<>|=]?)([a-zA-Z])(\d+)$/.exec(text);
  if (match === null) throw new Error(`the numpy type ${text} is not read`);
  return { kind: match[2]!, size: Number(match[3]), isBigEndian: (match[1]! || order) === ">" };
}

/** The numbers of an array; 64-bit integers must be safe. */
export function numbersOf(type: NumpyType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readerOf(type, view);
  return Array.from({ length: Math.floor(bytes.length / type.size) }, (_, i) => read(i * type.size));
}

function readerOf({ kind, size, isBigEndian }: NumpyType, view: DataView): (at: number) => number {
  const isLittle = !isBigEndian;
  switch (`${kind}${size}`) {
    case "u1":
    case "b1":
      return (at) => view.getUint8(at);
    case "i1":
      return (at) => view.getInt8(at);
    case "u2":
      return (at) => view.getUint16(at, isLittle);
    case "i2":
      return (at) => view.getInt16(at, isLittle);
    case "u4":
      return (at) => view.getUint32(at, isLittle);
    case "i4":
      return (at) => view.getInt32(at, isLittle);
    case "u8":
      return (at) => Number(view.getBigUint64(at, isLittle));
    case "i8":
      return (at) => Number(view.getBigInt64(at, isLittle));
    case "f4":
      return (at) => view.getFloat32(at, isLittle);
    case "f8":
      return (at) => view.getFloat64(at, isLittle);
    default:
      throw new Error(`numbers of the numpy type ${kind}${size} are not read`);
  }
}

export function isNumpyArray(value: unknown): value is NumpyArray {
  return value instanceof PickledArray;
}

/** What `_reconstruct` gives, and `BUILD` fills: `(version, shape, dtype, isFortran, data)`. */
export class PickledArray implements NumpyArray {
  shape: readonly number[] = [];
  type: NumpyType = { kind: "u", size: 1, isBigEndian: false };
  data: Uint8Array = new Uint8Array();

  __setstate__(state: unknown): void {
    const [, shape, type, isFortran, data] = state as readonly unknown[];
    this.fill(shape, type, data, isFortran === true);
  }

  fill(shape: unknown, type: unknown, data: unknown, isFortran: boolean): void {
    if (!(type instanceof PickledType)) throw new Error("an array has no numpy type");
    if (!Array.isArray(shape) || !shape.every((side) => Number.isSafeInteger(side))) {
      throw new Error("an array has no shape");
    }
    if (isFortran && shape.filter((side) => side > 1).length > 1) {
      throw new Error(
        "an array is in column-major (Fortran) order; write it again with numpy.ascontiguousarray",
      );
    }
    this.shape = shape as number[];
    this.type = type;
    // Python 2 strings come as text of which each character is a byte.
    this.data = typeof data === "string" ? Buffer.from(data, "latin1") : asBytes(data);
  }
}

function asBytes(data: unknown): Uint8Array {
  if (data instanceof FileBytes || data instanceof Uint8Array) return data;
  throw new Error("an array of Python objects is not read; write it again with a number type");
}

/** What `numpy.dtype` gives; `BUILD` says the byte order. */
export class PickledType implements NumpyType {
  readonly kind: string;
  readonly size: number;
  isBigEndian: boolean;

  constructor(text: string) {
    const { kind, size, isBigEndian } =
      text === "O8" ? { kind: "O", size: 8, isBigEndian: false } : parseNumpyType(text);
    this.kind = kind;
    this.size = size;
    this.isBigEndian = isBigEndian;
  }

  __setstate__(state: unknown): void {
    this.isBigEndian = (state as readonly unknown[])[1] === ">";
  }
}
