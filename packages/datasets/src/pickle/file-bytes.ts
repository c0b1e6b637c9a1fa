/**
 * A long string of a pickle, left on disk: where its bytes lie.
 *
 * It passes through the parser as an empty `Uint8Array` would, and is read when its content is needed.
 */
export class FileBytes extends Uint8Array {
  readonly start: number;
  readonly size: number;
  /**
   * `latin1-in-utf8`: Python 3 writes bytes as text in protocols 0 to 2: each byte above 127 takes two on disk,
   * and `size` counts those on disk.
   */
  readonly coding: "bytes" | "latin1-in-utf8";

  constructor(start: number, size: number, coding: "bytes" | "latin1-in-utf8") {
    super(0);
    this.start = start;
    this.size = size;
    this.coding = coding;
  }
}
