import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { describeDirectory } from "../describe-directory.ts";
import { type OmniglotPart, omniglotDirVariable, omniglotParts } from "./parts.ts";

/** Where one part of Omniglot lies on disk. */
export interface PartLocation {
  readonly part: OmniglotPart;
  readonly type: "archive" | "folder" | "hdf5";
  readonly path: string;
}

/** Below the directory that the user names: itself, or as torchvision and learn2learn lay it out. */
const subdirectories = ["", "omniglot-py", "omniglot"] as const;

/**
 * Finds both parts of Omniglot in `directory`, each as `images_*.zip` or as an extracted `images_*` folder,
 * directly or under `omniglot-py/` or `omniglot/`, or both in torchmeta's `data.hdf5`. The first of these that
 * is there is taken.
 *
 * @throws {ShoalError} E_DATASET_MISSING, which says what was looked for and what is there
 */
export async function locateOmniglot(directory: string): Promise<readonly PartLocation[]> {
  const locations = await Promise.all(omniglotParts.map((part) => locatePart(directory, part)));
  const found = locations.filter((location) => location !== null);
  if (found.length === omniglotParts.length) return found;

  const missing = omniglotParts.filter((_, i) => locations[i] === null).map((part) => part.name);
  throw new ShoalError(
    "E_DATASET_MISSING",
    `omniglot: expected ${missing.map((name) => `${name}.zip or ${name}/`).join(" and ")} in ${directory} ` +
      `(or in its omniglot-py/); found ${await describeDirectory(directory)}; ${howToGetOmniglot}`,
  );
}

export const howToGetOmniglot =
  "get it with `npx shoal data prepare omniglot --download`, or name the directory that has it " +
  `with --data DIR or ${omniglotDirVariable}`;

async function locatePart(directory: string, part: OmniglotPart): Promise<PartLocation | null> {
  for (const subdirectory of subdirectories) {
    const folder = join(directory, subdirectory, part.name);
    const archive = `${folder}.zip`;
    if ((await kindOf(archive)) === "file") return { part, type: "archive", path: archive };
    if ((await kindOf(folder)) === "directory") return { part, type: "folder", path: folder };
    const both = join(directory, subdirectory, "data.hdf5");
    if ((await kindOf(both)) === "file") return { part, type: "hdf5", path: both };
  }
  return null;
}

async function kindOf(path: string): Promise<"file" | "directory" | "nothing"> {
  try {
    const status = await stat(path);
    return status.isDirectory() ? "directory" : "file";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "nothing";
    throw new ShoalError(
      "E_DATASET_MISSING",
      `omniglot: cannot look at ${path}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
