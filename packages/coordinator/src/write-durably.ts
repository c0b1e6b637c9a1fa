import { basename, dirname, join } from "node:path";
import type { Disk } from "./disk.ts";

/**
 * Writes a file so that after a crash at any moment either the old content is there, or the new one,
 * whole: temporary file in the same directory, sync, rename, sync of the directory.
 *
 * On an error (a full disk, say) the temporary file is removed and the old content stays.
 */
export async function writeDurably(disk: Disk, path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = await disk.open(temporary, "replace");
    try {
      for (const chunk of chunks) await file.write(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.remove(temporary).catch(() => {
      // The first error says more.
    });
    throw error;
  }
  await disk.syncDirectory(dirname(path));
}
