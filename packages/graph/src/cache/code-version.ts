import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The build of this package, also when it is loaded from its sources: threads run the build. */
const ownBuild = fileURLToPath(new URL("../../dist/", import.meta.url));
/** Packages that decide what a captured graph says. ONNX Runtime is not one: it comes after. */
const dependencies = ["@tensorflow/tfjs-core", "protobufjs"];

/**
 * A hash of all the code that makes a graph out of an experiment: every built file of this package and of
 * the `builds`, the versions of what they import, and of the JavaScript engine, which computes constants.
 *
 * A graph that is kept under this hash cannot outlive a change of the code that made it.
 *
 * @param builds directories of compiled JavaScript
 * @returns 64 hexadecimal digits
 */
export async function codeVersion(builds: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const require = createRequire(import.meta.url);
  for (const name of dependencies) {
    const { version } = require(`${name}/package.json`) as { version: string };
    hash.update(`${name} ${version}\n`);
  }
  hash.update(`v8 ${process.versions.v8} ${process.arch}\n`);
  for (const directory of [ownBuild, ...builds]) {
    for (const { name, bytes } of await readScripts(directory)) {
      hash.update(`${name} ${bytes.length}\n`).update(bytes);
    }
  }
  return hash.digest("hex");
}

/** The scripts below a directory, in the order of their names. */
async function readScripts(directory: string): Promise<{ name: string; bytes: Uint8Array }[]> {
  const names = await readdir(directory, { recursive: true });
  const scripts = names.filter((name) => /\.[cm]?js$/.test(name) && !/\.test\.[cm]?js$/.test(name)).sort();
  return Promise.all(scripts.map(async (name) => ({ name, bytes: await readFile(join(directory, name)) })));
}
