import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { isPictureName, listDirectories, listFiles } from "../formats/picture-files.ts";
import { ownImagesMax, pictureFileBytesMax } from "../limits.ts";

/** Image files of a person's own task. */
export interface OwnImages {
  readonly files: readonly string[];
  /** Class of each file, as an index in the classes; null: the files have no class. */
  readonly labels: readonly number[] | null;
}

/**
 * The support set in `directory`: a folder of images for each class.
 *
 * @returns the classes, sorted by name, and the images class by class
 * @throws {ShoalError} E_OWN_IMAGES that says what the directory should hold
 */
export async function listSupport(
  directory: string,
): Promise<{ readonly classes: readonly string[]; readonly images: OwnImages }> {
  const classes = await listDirectories(directory);
  if (classes === null) throw wrong(`${directory}: expected a directory with a folder per class, found none`);
  if (classes.length < 2) {
    throw wrong(
      `${directory}: expected a folder of images for each of at least 2 classes, found ${classes.length} folder(s); ` +
        "sort the images by class, as in support/cat/1.png",
    );
  }
  return { classes, images: await listClasses(directory, classes, classes) };
}

/**
 * The queries in `directory`: images, or folders of images that are named as the classes of the support set.
 *
 * @throws {ShoalError} E_OWN_IMAGES that says what the directory should hold
 */
export async function listQueries(directory: string, classes: readonly string[]): Promise<OwnImages> {
  const folders = await listDirectories(directory);
  if (folders === null) throw wrong(`${directory}: expected a directory of images, found none`);
  const loose = (await listFiles(directory))!.filter((name) => !name.includes("/") && isPictureName(name));
  if (folders.length > 0 && loose.length > 0) {
    throw wrong(
      `${directory}: expected either images or folders named as classes, found ${loose.length} image(s) beside ` +
        `${folders.length} folder(s); move one of them away`,
    );
  }
  if (folders.length > 0) return listClasses(directory, folders, classes);
  if (loose.length === 0) {
    throw wrong(`${directory}: expected images (png, jpg, gif, webp, tiff, avif), found none`);
  }
  return checkCount(directory, { files: loose.map((name) => join(directory, name)), labels: null });
}

/** The bytes of an image file. @throws {ShoalError} E_OWN_IMAGES */
export async function readOwnImage(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > pictureFileBytesMax) throw new Error(`${size} bytes are more than ${pictureFileBytesMax}`);
    return await readFile(path);
  } catch (error) {
    throw wrong(`${path}: cannot be read: ${(error as Error).message}`, error);
  }
}

async function listClasses(
  directory: string,
  folders: readonly string[],
  classes: readonly string[],
): Promise<OwnImages> {
  const files: string[] = [];
  const labels: number[] = [];
  for (const folder of folders) {
    const label = classes.indexOf(folder);
    if (label < 0) {
      throw wrong(
        `${join(directory, folder)}: expected a class of the support set (${classes.join(", ")}), got ${folder}; ` +
          "rename the folder, or give the support set such a class",
      );
    }
    const inside = (await listFiles(join(directory, folder)))!.filter(isPictureName);
    if (inside.length === 0) {
      throw wrong(
        `${join(directory, folder)}: expected images (png, jpg, gif, webp, tiff, avif), found none`,
      );
    }
    for (const name of inside) {
      files.push(join(directory, folder, name));
      labels.push(label);
    }
  }
  return checkCount(directory, { files, labels });
}

function checkCount(directory: string, images: OwnImages): OwnImages {
  const { length } = images.files;
  if (length <= ownImagesMax) return images;
  throw wrong(`${directory}: expected at most ${ownImagesMax} images, got ${length}; take fewer at a time`);
}

function wrong(message: string, cause?: unknown): ShoalError {
  return new ShoalError("E_OWN_IMAGES", message, { cause });
}
