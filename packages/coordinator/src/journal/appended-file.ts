import { dirname } from "node:path";
import type { Disk, DiskFile } from "../disk.ts";

/**
 * A file that only grows, append by append: each is there whole, or, after an error, not at all.
 *
 * What a failed append has left is cut off before the next one, so that it can be tried again.
 */
export class AppendedFile {
  readonly path: string;
  readonly #disk: Disk;
  #bytes: number;
  #file: DiskFile | null = null;
  /** The file's name survives a crash of the machine. */
  #isNamed = false;
  #last: Promise<void> = Promise.resolve();

  /** @param bytes of the file that are good; what lies behind them is cut off by the first append */
  constructor(disk: Disk, path: string, bytes: number) {
    this.#disk = disk;
    this.path = path;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param durable waits until the content, and the file's name, survive a crash of the machine
   * @throws what the disk says
   */
  append(chunks: readonly Uint8Array[], durable: boolean): Promise<void> {
    // One after the other: what a failed append cuts off must not be another one's.
    const done = this.#last.then(() => this.#append(chunks, durable));
    this.#last = done.catch(() => {
      // Told to whoever appended.
    });
    return done;
  }

  async #append(chunks: readonly Uint8Array[], durable: boolean): Promise<void> {
    try {
      const file = this.#file ?? (await this.#open());
      for (const chunk of chunks) await file.write(chunk);
      // A failed sync says nothing about what is on the disk: the whole append is made again.
      if (durable) await this.#sync(file);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    this.#bytes += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Makes durable what is in the file, also what a process before this one has written. */
  async sync(): Promise<void> {
    await this.append([], true);
  }

  async close(): Promise<void> {
    await this.#last;
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #sync(file: DiskFile): Promise<void> {
    await file.sync();
    if (this.#isNamed) return;
    await this.#disk.syncDirectory(dirname(this.path));
    this.#isNamed = true;
  }

  async #open(): Promise<DiskFile> {
    const file = await this.#disk.open(this.path, "append");
    this.#file = file;
    const found = await this.#disk.find(this.path);
    if (found !== null && found.bytes > this.#bytes) await file.truncate(this.#bytes);
    return file;
  }

  /** Cuts off what a failed append has left; where that fails too, the next append begins with it. */
  async #abandon(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.truncate(this.#bytes).catch(() => {
      // Tried again when the file is opened.
    });
    await file?.close().catch(() => {
      // Nothing of it is used again.
    });
  }
}
