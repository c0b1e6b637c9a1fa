import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { Collection, CollectionClass } from "../collection.ts";
import { pictureFileBytesMax } from "../limits.ts";
import { compareText } from "../omniglot/image-files.ts";

const pictureName = /\.(jpe?g|png|gif|webp|tiff?|avif)$/i;

export function isPictureName(name: string): boolean {
  return pictureName.test(name);
}

/** One image file and its class. */
export interface PictureFile {
  /** Below the collection's path, with forward slashes. */
  readonly path: string;
  readonly classIndex: number;
}

/** A collection of image files, read one by one. `lists` is what besides the names decides it. */
export function collectionOfFiles(options: {
  readonly format: string;
  readonly path: string;
  readonly classes: readonly CollectionClass[];
  readonly files: readonly PictureFile[];
  readonly lists?: readonly Uint8Array[];
}): Collection {
  const { format, path, classes, files, lists = [] } = options;
  const origin = createHash("sha256").update(format);
  for (const list of lists) origin.update(list);
  for (const file of files) {
    const { name, split } = classes[file.classIndex]!;
    origin.update(`${file.path}\0${name}\0${split}\n`);
  }
  return {
    format,
    path,
    origin: origin.digest("hex"),
    classes,
    labels: files.map(({ classIndex }) => classIndex),
    read: (first, count) =>
      Promise.all(
        files.slice(first, first + count).map(async (file) => {
          const where = join(path, file.path);
          return { type: "encoded" as const, where, bytes: await readPictureFile(where) };
        }),
      ),
    close: async () => {},
  };
}

/** All image files below `directory`, sorted, with forward slashes; null if there is no such directory. */
export async function listPictures(directory: string): Promise<string[] | null> {
  const paths = await listFiles(directory);
  return paths?.filter(isPictureName) ?? null;
}

/** All files below `directory`, sorted, with forward slashes; null if there is no such directory. */
export async function listFiles(directory: string): Promise<string[] | null> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .sort(compareText);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unreadable(directory, error);
  }
}

/** Names of the directories in `directory`, sorted; null if there is no such directory. */
export async function listDirectories(directory: string): Promise<string[] | null> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = await Promise.all(
      entries
        .filter(({ name }) => !name.startsWith("."))
        .map(async (entry) =>
          entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(join(directory, entry.name))))
            ? entry.name
            : null,
        ),
    );
    return names.filter((name) => name !== null).sort(compareText);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unreadable(directory, error);
  }
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}

async function readPictureFile(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > pictureFileBytesMax)
      throw new Error(`${size} bytes are more than the ${pictureFileBytesMax} allowed`);
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): ShoalError {
  return new ShoalError("E_DATASET_CORRUPT", `${path}: cannot be read: ${(error as Error).message}`, {
    cause: error,
  });
}
