import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Linux has a device on which every write fails as on a full disk, for root too. */
export const hasFullDisk = existsSync("/dev/full");

/** Makes the next durable write of `path` fail with ENOSPC: its temporary file leads to a full disk. */
export async function fillDiskFor(path: string): Promise<void> {
  await symlink("/dev/full", join(dirname(path), `.${basename(path)}.${process.pid}.tmp`));
}
