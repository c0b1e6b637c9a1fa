import { dirname } from "node:path";
import type { Random } from "@shoal/core/outer";
import type { Disk, DiskFile } from "../disk.ts";

interface Content {
  bytes: Buffer;
  /** The first bytes that survive a power failure for sure. */
  synced: number;
}

/** What a disk does at one of its operations. */
export interface Crash {
  /** Number of the operation that changes something, from 1, at which everything stops. */
  readonly at: number;
  /** Part of it that is done, if it is a write: 0 to 1. */
  readonly part: number;
}

/**
 * A disk in memory that stops for good at a chosen operation: a write is done in part, everything after it
 * never answers. `survivors` tells what a new process finds.
 */
export class MemoryDisk implements Disk {
  readonly files: Map<string, Content>;
  readonly #directories: Set<string>;
  /** Names of files as they survive a power failure for sure, by directory. */
  readonly #syncedNames = new Map<string, ReadonlyMap<string, Content>>();
  readonly #crash: Crash | null;
  readonly #onCrash: () => void;
  operations = 0;
  #isDead = false;

  constructor(
    crash: Crash | null = null,
    onCrash: () => void = () => {},
    files: ReadonlyMap<string, Buffer> = new Map(),
  ) {
    this.#crash = crash;
    this.#onCrash = onCrash;
    this.files = new Map([...files].map(([path, bytes]) => [path, { bytes, synced: bytes.length }]));
    this.#directories = new Set(["/", ...[...files.keys()].flatMap(parentsOf)]);
    for (const directory of this.#directories) this.#syncNames(directory);
  }

  /**
   * What is there after the process was killed (all that was written), or after a power failure: of what was
   * not synced each file has a random part, and each name was changed or not.
   */
  survivors(end: { readonly type: "killed" } | { readonly type: "power-failure"; readonly random: Random }) {
    if (end.type === "killed") {
      return new Map([...this.files].map(([path, { bytes }]) => [path, Buffer.from(bytes)]));
    }
    const { random } = end;
    const left = new Map<string, Buffer>();
    const paths = new Set([
      ...this.files.keys(),
      ...[...this.#syncedNames.values()].flatMap((names) => [...names.keys()]),
    ]);
    for (const path of paths) {
      const synced = this.#syncedNames.get(dirname(path))?.get(path);
      const content = random.int(2) === 0 ? synced : this.files.get(path);
      if (content === undefined) continue;
      const unsynced = content.bytes.length - content.synced;
      const bytes = Buffer.from(content.bytes.subarray(0, content.synced + random.int(unsynced + 1)));
      // The length may have become durable before the content.
      if (unsynced > 0 && random.int(3) === 0) bytes.fill(0, content.synced + random.int(unsynced));
      left.set(path, bytes);
    }
    return left;
  }

  /** The same disk for a new process: what the one before had not synced is there, and still not synced. */
  afterKill(crash: Crash | null = null, onCrash: () => void = () => {}): MemoryDisk {
    const disk = new MemoryDisk(crash, onCrash, this.survivors({ type: "killed" }));
    const copies = new Map<Content, Content>();
    for (const [path, content] of this.files) {
      const copy = disk.files.get(path)!;
      copy.synced = content.synced;
      copies.set(content, copy);
    }
    for (const [directory, names] of this.#syncedNames) {
      const copied = [...names].map(([path, content]) => [path, copies.get(content) ?? content] as const);
      disk.#syncedNames.set(directory, new Map(copied));
    }
    return disk;
  }

  async open(path: string, mode: "append" | "replace" | "new"): Promise<DiskFile> {
    if (!this.#directories.has(dirname(path))) throw systemError("ENOENT", path);
    const before = this.files.get(path);
    if (mode === "new" && before !== undefined) throw systemError("EEXIST", path);
    if (before === undefined || mode === "replace") {
      await this.#change();
      // A new content: the old one may still survive under the name.
      this.files.set(path, { bytes: Buffer.alloc(0), synced: 0 });
    }
    const content = this.files.get(path)!;
    return {
      write: async (bytes) => {
        const done = await this.#change(bytes.length);
        content.bytes = Buffer.concat([content.bytes, bytes.subarray(0, done)]);
        if (done < bytes.length) await never();
      },
      truncate: async (bytes) => {
        await this.#change();
        content.bytes = content.bytes.subarray(0, bytes);
        content.synced = Math.min(content.synced, bytes);
      },
      sync: async () => {
        await this.#change();
        content.synced = content.bytes.length;
      },
      close: () => Promise.resolve(),
    };
  }

  read(path: string): Promise<Uint8Array> {
    const content = this.files.get(path);
    if (content === undefined) return Promise.reject(systemError("ENOENT", path));
    return Promise.resolve(Buffer.from(content.bytes));
  }

  list(directory: string): Promise<readonly string[]> {
    const inside = [...this.files.keys(), ...this.#directories].filter(
      (path) => path !== directory && dirname(path) === directory,
    );
    return Promise.resolve(inside.map((path) => path.slice(directory.length + 1)));
  }

  find(path: string) {
    const content = this.files.get(path);
    const isDirectory = this.#directories.has(path);
    if (content === undefined && !isDirectory) return Promise.resolve(null);
    const type = isDirectory ? ("directory" as const) : ("file" as const);
    return Promise.resolve({ type, bytes: content?.bytes.length ?? 0, changedMs: 0 });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#change();
    const content = this.files.get(from);
    if (content === undefined) throw systemError("ENOENT", from);
    this.files.delete(from);
    this.files.set(to, content);
  }

  async remove(path: string): Promise<void> {
    if (!this.files.has(path)) return;
    await this.#change();
    this.files.delete(path);
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#isDead) await never();
    for (const one of [path, ...parentsOf(path)]) this.#directories.add(one);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#change();
    this.#syncNames(path);
  }

  touch(): Promise<void> {
    return Promise.resolve();
  }

  #syncNames(directory: string): void {
    const names = [...this.files].filter(([path]) => dirname(path) === directory);
    this.#syncedNames.set(directory, new Map(names));
  }

  /** Counts an operation; at the crash it never returns, unless a part of `size` bytes is done. */
  async #change(size = 0): Promise<number> {
    if (this.#isDead) await never();
    this.operations++;
    if (this.operations !== this.#crash?.at) return size;
    this.#isDead = true;
    this.#onCrash();
    const done = Math.floor(size * this.#crash.part);
    return done > 0 ? Math.min(done, size - 1) : never();
  }
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...parentsOf(parent)];
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function never(): Promise<never> {
  return new Promise(() => {});
}
