import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ShoalError } from "@shoal/core/outer";

export type ThreadName = "compute-thread" | "episode-thread" | "graph-thread";

/**
 * The compiled file of a thread. Worker threads run JavaScript, also when this package is loaded from
 * its TypeScript sources, as the tests do.
 *
 * @throws {ShoalError} E_BUILD if the package has not been built
 */
export function threadFile(name: ThreadName): string {
  const file = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
  if (!existsSync(file)) {
    throw new ShoalError(
      "E_BUILD",
      `worker: expected the compiled ${name}.js, found none; run npm run build`,
    );
  }
  return file;
}
