import { dirname } from "node:path";
import type { Disk, DiskEntry, DiskFile, OpenMode } from "@shoal/coordinator";
import type { Random } from "@shoal/core/outer";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** A file's content: what a reader sees, and what survives a power failure for sure. */
interface Content {
  current: Buffer;
  durable: Buffer;
  changedMs: number;
}

/** A change of names that is not durable yet. */
type NameChange =
  | { readonly type: "set"; readonly path: string; readonly content: Content }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "rename"; readonly from: string; readonly to: string; readonly content: Content };

export interface SimulatedDiskOptions {
  readonly world: World;
  readonly random: Random;
  /** Time of one operation, in ms: uniform between half of it and one and a half. */
  readonly operationMs: number;
  /** Called before every operation that changes something; `what` is for the trace. */
  readonly onChange: (number: number, what: string) => void;
}

/**
 * A disk in memory that keeps the promises of `Disk`, and not one more: after a power failure, what was not
 * synced is there, or not, or in part, and names in any mixture of old and new.
 */
export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions;
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  #nameChanges: NameChange[] = [];
  readonly #directories = new Set<string>(["/"]);
  #changeCount = 0;
  #fullUntilMs = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
  }

  /** Operations so far that changed something. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** No byte can be written for `ms`. */
  fill(ms: number): void {
    this.#fullUntilMs = this.#options.world.nowMs + ms;
  }

  /** The whole files, for a look from outside. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#names].map(([path, { current }]) => [path, current]));
  }

  /** Flips one bit of a file, where it is now and where it is durable. @returns false: there is no such bit */
  rot(path: string, bit: number): boolean {
    const content = this.#names.get(path);
    if (content === undefined || content.current.length === 0) return false;
    const at = (bit >> 3) % content.current.length;
    for (const bytes of new Set([content.current, content.durable])) {
      if (at < bytes.length) bytes[at]! ^= 1 << (bit & 7);
    }
    return true;
  }

  /** The power fails: what is left is what a machine finds when it starts again. */
  losePower(): void {
    const { random } = this.#options;
    const names = new Map(this.#durableNames);
    for (const change of this.#nameChanges) {
      if (random.int(2) === 0) continue;
      if (change.type !== "set") names.delete(change.type === "rename" ? change.from : change.path);
      if (change.type !== "remove")
        names.set(change.type === "rename" ? change.to : change.path, change.content);
    }
    for (const content of new Set(names.values())) {
      content.current = this.#leftOf(content);
      content.durable = Buffer.from(content.current);
    }
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#nameChanges = [];
  }

  /** The disk as one process sees it: once it is dead, nothing that it asked for happens any more. */
  viewOf(process: SimulatedProcess): Disk {
    const changed = <T>(what: string, apply: () => T): Promise<T> =>
      this.#later(process, () => {
        this.#options.onChange(++this.#changeCount, what);
        // The disk may have died of it.
        if (!process.isAlive) return undefined as T;
        return apply();
      });
    const read = <T>(apply: () => T): Promise<T> => this.#later(process, apply);
    return {
      open: async (path, mode) => {
        const content = await changed(`open ${path} (${mode})`, () => this.#open(path, mode));
        return this.#fileOf(content, path, changed);
      },
      read: (path) => read(() => Buffer.from(this.#find(path).current)),
      list: (directory) => read(() => this.#list(directory)),
      find: (path) => read(() => this.#entryAt(path)),
      rename: (from, to) =>
        changed(`rename ${from} to ${to}`, () => {
          const content = this.#find(from);
          this.#names.delete(from);
          this.#names.set(to, content);
          this.#nameChanges.push({ type: "rename", from, to, content });
        }),
      remove: (path) =>
        changed(`remove ${path}`, () => {
          if (this.#names.delete(path)) this.#nameChanges.push({ type: "remove", path });
        }),
      makeDirectory: (path) =>
        changed(`make directory ${path}`, () => {
          for (let above = path; above !== dirname(above); above = dirname(above))
            this.#directories.add(above);
        }),
      syncDirectory: (path) => changed(`sync directory ${path}`, () => this.#syncNames(path)),
      touch: (path) =>
        changed(`touch ${path}`, () => {
          this.#find(path).changedMs = this.#options.world.nowMs;
        }),
    };
  }

  #fileOf(
    content: Content,
    path: string,
    changed: <T>(what: string, apply: () => T) => Promise<T>,
  ): DiskFile {
    return {
      write: (bytes) => {
        // The caller may change its bytes after the call has returned.
        const copy = Buffer.from(bytes);
        return changed(`write ${copy.length} bytes to ${path}`, () => this.#write(content, copy));
      },
      truncate: (bytes) =>
        changed(`cut ${path} to ${bytes} bytes`, () => {
          content.current = Buffer.from(content.current.subarray(0, bytes));
        }),
      sync: () =>
        changed(`sync ${path}`, () => {
          content.durable = Buffer.from(content.current);
        }),
      close: () => changed(`close ${path}`, () => {}),
    };
  }

  #open(path: string, mode: OpenMode): Content {
    const before = this.#names.get(path);
    if (before !== undefined && mode === "new") throw failure("EEXIST", `file exists, open '${path}'`);
    if (!this.#directories.has(dirname(path))) throw failure("ENOENT", `no such directory, open '${path}'`);
    if (before !== undefined) {
      if (mode === "replace") before.current = Buffer.alloc(0);
      return before;
    }
    const { nowMs } = this.#options.world;
    const content: Content = { current: Buffer.alloc(0), durable: Buffer.alloc(0), changedMs: nowMs };
    this.#names.set(path, content);
    this.#nameChanges.push({ type: "set", path, content });
    return content;
  }

  #write(content: Content, bytes: Buffer): void {
    const { world, random } = this.#options;
    const isFull = world.nowMs < this.#fullUntilMs;
    // A part of it may still have fitted.
    const written = isFull ? bytes.subarray(0, random.int(bytes.length + 1)) : bytes;
    content.current = Buffer.concat([content.current, written]);
    content.changedMs = world.nowMs;
    if (isFull) throw failure("ENOSPC", "no space left on device, write");
  }

  #syncNames(directory: string): void {
    if (!this.#directories.has(directory)) throw failure("ENOENT", `no such directory, open '${directory}'`);
    const isHere = (path: string): boolean => dirname(path) === directory;
    for (const path of this.#durableNames.keys()) {
      if (isHere(path) && !this.#names.has(path)) this.#durableNames.delete(path);
    }
    for (const [path, content] of this.#names) if (isHere(path)) this.#durableNames.set(path, content);
    this.#nameChanges = this.#nameChanges.filter(
      (change) => !isHere(change.type === "rename" ? change.to : change.path),
    );
  }

  #find(path: string): Content {
    const content = this.#names.get(path);
    if (content === undefined) throw failure("ENOENT", `no such file or directory, open '${path}'`);
    return content;
  }

  #list(directory: string): readonly string[] {
    if (!this.#directories.has(directory))
      throw failure("ENOENT", `no such directory, scandir '${directory}'`);
    return [...this.#names.keys(), ...this.#directories]
      .filter((path) => dirname(path) === directory && path !== directory)
      .map((path) => path.slice(directory.length + 1));
  }

  #entryAt(path: string): DiskEntry | null {
    const content = this.#names.get(path);
    if (content !== undefined) {
      return { type: "file", bytes: content.current.length, changedMs: content.changedMs };
    }
    return this.#directories.has(path) ? { type: "directory", bytes: 0, changedMs: 0 } : null;
  }

  /** What a power failure leaves of a file: all of it, what was synced, or something between. */
  #leftOf({ current, durable }: Content): Buffer {
    if (current.equals(durable)) return current;
    const { random } = this.#options;
    let same = 0;
    while (same < Math.min(current.length, durable.length) && current[same] === durable[same]) same++;
    const isAppended = same === durable.length;
    const choice = random.int(3);
    if (choice === 0) return durable;
    if (choice === 1) return current;
    const kept = Buffer.from(current.subarray(0, same + random.int(current.length - same + 1)));
    // Blocks of one write reach the disk in any order: some may be holes.
    if (random.int(2) === 0) kept.fill(0, same + random.int(kept.length - same + 1));
    return isAppended || kept.length >= same ? kept : durable;
  }

  /** Does it some time later, if the process still lives, and tells it. */
  #later<T>(process: SimulatedProcess, apply: () => T): Promise<T> {
    const { world, random, operationMs } = this.#options;
    return new Promise((resolve, reject) => {
      world.after(operationMs * (0.5 + random.uniform()), () => {
        if (!process.isAlive) return;
        let value: T;
        try {
          value = apply();
        } catch (error) {
          process.run(() => reject(error as Error));
          return;
        }
        process.run(() => resolve(value));
      });
    });
  }
}

function failure(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
