import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh directory; `atEnd` is Vitest's `onTestFinished`, and removes it. */
export async function temporaryDirectory(atEnd: (remove: () => Promise<void>) => void): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-coordinator-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
