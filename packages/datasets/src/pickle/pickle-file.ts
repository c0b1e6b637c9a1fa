import { closeSync, openSync, readSync } from "node:fs";
import { latin1IndexBytes, pickleBufferBytes, pickleInlineBytes } from "../limits.ts";
import { FileBytes } from "./file-bytes.ts";

/** What `pickleparser` reads from; long strings stay on disk. */
export class PickleFile {
  readonly path: string;
  readonly #file: number;
  readonly #buffer = Buffer.alloc(pickleBufferBytes);
  /** Where the buffer's bytes lie in the file, and how many there are. */
  #start = 0;
  #length = 0;
  #position = 0;
  /** For each coded string: file position of every `latin1IndexBytes`-th decoded byte. */
  readonly #indices = new Map<FileBytes, number[]>();

  /** @throws the file system's error */
  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, "r");
  }

  close(): void {
    closeSync(this.#file);
  }

  hasNext(): boolean {
    return this.#position < this.#start + this.#length || this.#fill() > 0;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint16(): number {
    return this.#take(2).readUInt16LE();
  }

  int32(): number {
    return this.#take(4).readInt32LE();
  }

  uint32(): number {
    return this.#take(4).readUInt32LE();
  }

  uint64(): number {
    const value = Number(this.#take(8).readBigUInt64LE());
    if (!Number.isSafeInteger(value)) throw new Error(`a length of ${value} is too long`);
    return value;
  }

  float64(): number {
    return this.#take(8).readDoubleBE();
  }

  bytes(length: number): Uint8Array {
    if (length < 0) throw new Error(`a length of ${length}`);
    if (length > pickleInlineBytes) return this.#leave(length, "bytes");
    return Uint8Array.from(this.#take(length));
  }

  /** Python 2 strings are bytes; Latin-1 keeps each as a character. */
  string(length: number, encoding: "ascii" | "utf-8"): string {
    if (length <= pickleInlineBytes) {
      return this.#take(length).toString(encoding === "utf-8" ? "utf8" : "latin1");
    }
    const coding = encoding === "utf-8" ? "latin1-in-utf8" : "bytes";
    // The parser only hands it on, to the functions of `unpickle`.
    return this.#leave(length, coding) as unknown as string;
  }

  line(): string {
    let text = "";
    for (;;) {
      const character = this.byte();
      if (character === 0x0a) return text;
      text += String.fromCharCode(character);
      if (text.length > pickleInlineBytes) throw new Error("a line is too long");
    }
  }

  skip(length: number): void {
    this.#position += length;
  }

  /**
   * Bytes `first ... first + count - 1` of a string that was left on disk.
   *
   * @throws {Error} if the file ends before
   */
  slice(bytes: FileBytes, first: number, count: number): Buffer {
    if (bytes.coding === "bytes") {
      if (first + count > bytes.size) throw new Error(`expected ${first + count} bytes, got ${bytes.size}`);
      return this.#read(bytes.start + first, count);
    }
    return this.#sliceCoded(bytes, first, count);
  }

  /** Decodes from the nearest known position before `first`. */
  #sliceCoded(bytes: FileBytes, first: number, count: number): Buffer {
    const index = this.#indices.get(bytes) ?? this.#index(bytes);
    const known = Math.floor(first / latin1IndexBytes);
    const start = index[known];
    if (start === undefined) throw new Error(`expected ${first + count} bytes, got fewer`);
    const skipped = first - known * latin1IndexBytes;
    // At most two bytes on disk for each.
    const longest = Math.min(2 * (skipped + count), bytes.start + bytes.size - start);
    const coded = this.#read(start, longest);
    const decoded = Buffer.alloc(skipped + count);
    let to = 0;
    for (let i = 0; i < coded.length && to < decoded.length; to++) {
      const lead = coded[i++]!;
      decoded[to] = lead < 0x80 ? lead : ((lead & 0x1f) << 6) | (coded[i++]! & 0x3f);
    }
    if (to < decoded.length) throw new Error(`expected ${first + count} bytes, got fewer`);
    return decoded.subarray(skipped);
  }

  /** One pass over a coded string. */
  #index(bytes: FileBytes): number[] {
    const index: number[] = [];
    const piece = 1 << 20;
    let decoded = 0;
    for (let at = 0; at < bytes.size; at += piece) {
      const coded = this.#read(bytes.start + at, Math.min(piece, bytes.size - at));
      for (let i = 0; i < coded.length; i++) {
        // Every byte but the second of a pair begins a character.
        if ((coded[i]! & 0xc0) === 0x80) continue;
        if (decoded % latin1IndexBytes === 0) index.push(bytes.start + at + i);
        decoded++;
      }
    }
    this.#indices.set(bytes, index);
    return index;
  }

  #leave(length: number, coding: FileBytes["coding"]): FileBytes {
    const bytes = new FileBytes(this.#position, length, coding);
    this.#position += length;
    return bytes;
  }

  /** The next `length` bytes, valid until the next call; `length` is at most the buffer's. */
  #take(length: number): Buffer {
    let at = this.#position - this.#start;
    if (at < 0 || at + length > this.#length) {
      this.#fill();
      at = 0;
    }
    if (length > this.#length - at) {
      throw new Error("it ends too early: it is cut off");
    }
    this.#position += length;
    return this.#buffer.subarray(at, at + length);
  }

  #fill(): number {
    this.#start = this.#position;
    this.#length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, this.#start);
    return this.#length;
  }

  #read(position: number, count: number): Buffer {
    const target = Buffer.alloc(count);
    let done = 0;
    while (done < count) {
      const read = readSync(this.#file, target, done, count - done, position + done);
      if (read === 0) throw new Error("it ends too early: it is cut off");
      done += read;
    }
    return target;
  }
}
