import { HEADER_DEPTH_MAX } from "./limits.ts";
import { CLOSE_CODES, MalformedFrame } from "./malformed-frame.ts";

/**
 * Walks a MessagePack value without building it and refuses what a header never holds.
 *
 * Allowed: nil, booleans, integers, floats, strings, arrays, maps with string keys. Refused: binary
 * and extension types (msgpackr would build regular expressions, references and generated readers
 * from them), lengths beyond the bytes that are there, deep nesting, and anything after the value.
 *
 * @throws {MalformedFrame} 1007
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function checkHeader(header: Uint8Array): void {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const end = checkValue(view, 0, HEADER_DEPTH_MAX);
  if (end !== header.byteLength) throw malformed(`${header.byteLength - end} bytes after the header's value`);
}

/** Returns the offset after the value that starts at `at`. */
function checkValue(view: DataView, at: number, depth: number): number {
  const token = byteAt(view, at);
  const next = at + 1;
  if (token <= 0x7f || token >= 0xe0) return next;
  if (token <= 0x8f) return checkItems(view, next, token & 0x0f, "map", depth);
  if (token <= 0x9f) return checkItems(view, next, token & 0x0f, "array", depth);
  if (token <= 0xbf) return skip(view, next, token & 0x1f);
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return next;
    case 0xca: // float 32
    case 0xce: // uint 32
    case 0xd2: // int 32
      return skip(view, next, 4);
    case 0xcb: // float 64
    case 0xcf: // uint 64
    case 0xd3: // int 64
      return skip(view, next, 8);
    case 0xcc: // uint 8
    case 0xd0: // int 8
      return skip(view, next, 1);
    case 0xcd: // uint 16
    case 0xd1: // int 16
      return skip(view, next, 2);
    case 0xd9: // str 8
      return skip(view, next + 1, lengthAt(view, next, 1));
    case 0xda: // str 16
      return skip(view, next + 2, lengthAt(view, next, 2));
    case 0xdb: // str 32
      return skip(view, next + 4, lengthAt(view, next, 4));
    case 0xdc: // array 16
      return checkItems(view, next + 2, lengthAt(view, next, 2), "array", depth);
    case 0xdd: // array 32
      return checkItems(view, next + 4, lengthAt(view, next, 4), "array", depth);
    case 0xde: // map 16
      return checkItems(view, next + 2, lengthAt(view, next, 2), "map", depth);
    case 0xdf: // map 32
      return checkItems(view, next + 4, lengthAt(view, next, 4), "map", depth);
    default:
      throw malformed(`header holds MessagePack type 0x${token.toString(16)}`);
  }
}

function checkItems(
  view: DataView,
  start: number,
  count: number,
  kind: "array" | "map",
  depth: number,
): number {
  if (depth === 0) throw malformed(`header nests more than ${HEADER_DEPTH_MAX} deep`);
  // Every item has at least one byte (a map's pair two), so a forged count fails before the loop.
  if (count * (kind === "map" ? 2 : 1) > view.byteLength - start)
    throw malformed(`${kind} of ${count} items`);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (kind === "map") {
      if (!isString(byteAt(view, at))) throw malformed("header has a key that is no string");
      at = checkValue(view, at, depth - 1);
    }
    at = checkValue(view, at, depth - 1);
  }
  return at;
}

function isString(token: number): boolean {
  return (token >= 0xa0 && token <= 0xbf) || (token >= 0xd9 && token <= 0xdb);
}

function byteAt(view: DataView, at: number): number {
  if (at >= view.byteLength) throw malformed("header is cut off");
  return view.getUint8(at);
}

function lengthAt(view: DataView, at: number, bytes: 1 | 2 | 4): number {
  if (at + bytes > view.byteLength) throw malformed("header is cut off");
  if (bytes === 1) return view.getUint8(at);
  return bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}

function skip(view: DataView, at: number, bytes: number): number {
  if (at + bytes > view.byteLength) throw malformed("header is cut off");
  return at + bytes;
}

function malformed(reason: string): MalformedFrame {
  return new MalformedFrame(CLOSE_CODES.invalidData, reason);
}
