import { ShoalError } from "@shoal/core/outer";
import type { Dataset } from "h5wasm/node";

/** An HDF5 file, read from disk piece by piece. */
export interface Hdf5File {
  /** The array at `name`; null where there is none. */
  array(name: string): Dataset | null;
  /** Names in the group at `name`; null where there is none. */
  names(name: string): readonly string[] | null;
  close(): void;
}

/**
 * Opens an HDF5 file. The library, 4 MB of WebAssembly, is loaded at the first.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it is none
 */
export async function openHdf5(path: string): Promise<Hdf5File> {
  const { File, Group, Dataset: ArrayKind, ready } = await import("h5wasm/node");
  // Else the library writes its own reports to standard error.
  (await ready).activate_throwing_error_handler();
  try {
    const file = new File(path, "r");
    if (file.file_id < 0n) throw new Error("it is cut off or of another format");
    const at = (name: string) => {
      try {
        return file.get(name);
      } catch {
        // So the library reports that there is nothing.
        return null;
      }
    };
    return {
      array(name) {
        const entity = at(name);
        return entity instanceof ArrayKind ? entity : null;
      },
      names(name) {
        const entity = at(name);
        return entity instanceof Group ? entity.keys() : null;
      },
      close: () => void file.close(),
    };
  } catch (error) {
    throw new ShoalError(
      "E_DATASET_CORRUPT",
      `${path}: expected an HDF5 file, but ${reasonOf(error)}; get the file again`,
      { cause: error },
    );
  }
}

/** The innermost line of the library's report: `#006: H5Fsuper.c line 577 in H5F__super_read(): truncated file`. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return [...message.matchAll(/#\d+: .*?\(\): (.*)/g)].at(-1)?.[1] ?? message;
}
