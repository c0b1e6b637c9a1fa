// Makes a checkout runnable: checks Node, installs what package-lock.json says, builds what changed.
//
// Costs about 30 ms when nothing is to do: two JSON files and one stat per source file. Imports nothing
// from node_modules, which may be missing, and keeps to syntax that an old Node reads, so that an old
// Node gets the message below and not a syntax error.

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { withLock } from "./lock.mjs";

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeMin = /** @type {const} */ ([20, 19]);

/** Longest wait for another process that installs or builds, in ms. A cold install takes about 60 s. */
const lockWaitMsMax = 15 * 60_000;

/** @typedef {{ action: "install" | "build", reason: string }} Step */

/**
 * Installs and builds what is missing or stale in the checkout at `root`; says why in one line each.
 *
 * Writes to standard error only: standard output may carry `--json`. Processes that start at once take
 * turns, and the later ones find the work done.
 *
 * @param {string} root
 * @throws {Error} with a message for a person: Node too old, install or build failed, lock not released
 */
export async function ensureBuilt(root = repository) {
  checkNodeVersion(process.versions.node);
  linkPackages(root);
  if (installReason(root) === null && buildReason(root) === null) return;
  await withLock(join(root, ".nx", "ensure-built.lock"), { waitMsMax: lockWaitMsMax, say }, () => {
    // Asked again under the lock: the process before this one may have done it.
    const toInstall = installReason(root);
    if (toInstall !== null) install(root, toInstall);
    const toBuild = buildReason(root);
    if (toBuild !== null) build(root, toBuild);
  });
}

/** @param {string} version such as "20.19.0" */
export function checkNodeVersion(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin, minorMin] = nodeMin;
  const old = major < majorMin || (major === majorMin && minor < minorMin);
  if (old) {
    const wanted = nodeMin.join(".");
    throw new Error(
      `Node ${version} is too old: Shoal needs ${wanted} or newer; get it at https://nodejs.org`,
    );
  }
}

/**
 * Links packages of this repository that came with a pull since the last install, as npm would: for them
 * alone, not everything has to be installed anew.
 *
 * @param {string} root
 */
export function linkPackages(root) {
  if (!existsSync(join(root, "node_modules", ".package-lock.json"))) return;
  const { packages } = readJson(join(root, "package-lock.json")) ?? { packages: {} };
  for (const [path, entry] of Object.entries(packages)) {
    const link = join(root, path);
    if (!entry.link || existsSync(link)) continue;
    const target = join(root, entry.resolved);
    mkdirSync(dirname(link), { recursive: true });
    // A junction, which Windows lets everybody make, wants an absolute path.
    symlinkSync(process.platform === "win32" ? target : relative(dirname(link), target), link, "junction");
  }
}

/**
 * Why `npm ci` has to run, or null. Packages for other platforms and other optional ones do not count.
 *
 * @param {string} root
 * @returns {string | null}
 */
export function installReason(root) {
  const wanted = readJson(join(root, "package-lock.json"));
  if (wanted === null) throw new Error(`${root} has no readable package-lock.json; restore it from git`);
  const present = readJson(join(root, "node_modules", ".package-lock.json"));
  if (present === null) return "node_modules is missing";
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (!path.startsWith("node_modules/") || entry.optional || entry.devOptional || entry.os || entry.cpu)
      continue;
    const name = path.slice("node_modules/".length);
    if (entry.link) {
      if (existsSync(join(root, path))) continue;
      return `${name} is missing`;
    }
    const found = present.packages[path];
    if (found === undefined) return `${name} is missing`;
    if (found.version !== entry.version) return `${name} is ${found.version}, not ${entry.version}`;
  }
  return null;
}

/**
 * Why the packages have to be built, or null. Compares with the fingerprint of the sources of the last
 * build, not with dates: git sets dates as it likes.
 *
 * @param {string} root
 * @returns {string | null}
 */
export function buildReason(root) {
  const built = readJson(stampPath(root));
  if (built?.sources === undefined || built.outputs === undefined) return "there is no build yet";
  const sources = fingerprint(root);
  for (const path of Object.keys(sources)) {
    if (built.sources[path] !== sources[path]) return `${path} changed`;
  }
  for (const path of Object.keys(built.sources)) {
    if (sources[path] === undefined) return `${path} is gone`;
  }
  for (const path of built.outputs) {
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  return null;
}

/** @param {string} root @param {string} reason */
function install(root, reason) {
  say(`installing packages: ${reason}`);
  // A person's NODE_ENV=production or omit=optional would leave out what the build needs.
  const result = runNpm(root, ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"]);
  if (result !== 0) throw new Error(`npm ci failed (status ${result}); its messages are above`);
  const still = installReason(root);
  if (still !== null) throw new Error(`npm ci succeeded, but ${still}; delete node_modules and try again`);
}

/** @param {string} root @param {string} reason */
function build(root, reason) {
  say(`building packages: ${reason}`);
  // Taken before the build: a source that changes while it runs makes the next start build again.
  const sources = fingerprint(root);
  const nx = join(root, "node_modules", "nx", "dist", "bin", "nx.js");
  const result = spawnSync(process.execPath, [nx, "run-many", "-t", "build", "--outputStyle=static"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 << 20,
    env: { ...process.env, NX_DAEMON: "false", NX_NO_CLOUD: "true", NX_TUI: "false", NO_COLOR: "1" },
  });
  if (result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
    throw new Error(`the build failed (status ${result.status ?? result.error}); its messages are above`);
  }
  const stamp = stampPath(root);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${JSON.stringify({ sources, outputs: outputs(root) })}\n`);
}

/** @param {string} root @param {string[]} args @returns {number | string} */
function runNpm(root, args) {
  /** @type {import("node:child_process").SpawnSyncOptions} */
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  // Under `npm start` npm says where it lives; else it is the one on the path (a script on Windows).
  const self = process.env.npm_execpath;
  const result = self?.endsWith("npm-cli.js")
    ? spawnSync(process.execPath, [self, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  return result.status ?? result.signal ?? String(result.error);
}

/**
 * Size and date of every file that the build reads.
 *
 * @param {string} root
 * @returns {Record<string, string>} by path from `root`
 */
function fingerprint(root) {
  const paths = ["tsconfig.base.json"];
  for (const home of packageHomes(root)) {
    paths.push(`${home}/package.json`, `${home}/tsconfig.json`);
    paths.push(...filesUnder(root, `${home}/src`).filter((path) => /(?<!\.test)\.ts$/.test(path)));
  }
  return Object.fromEntries(
    paths.map((path) => {
      const { size, mtimeMs } = statSync(join(root, path));
      return [path, `${size} ${mtimeMs}`];
    }),
  );
}

/** What the build wrote and programs load. @param {string} root */
function outputs(root) {
  const written = packageHomes(root).flatMap((home) => filesUnder(root, `${home}/dist`));
  return written.filter((path) => path.endsWith(".js"));
}

/** @param {string} root */
function packageHomes(root) {
  const homes = readdirSync(join(root, "packages")).map((name) => `packages/${name}`);
  return homes.filter((home) => existsSync(join(root, home, "tsconfig.json")));
}

/** @param {string} root @param {string} folder @returns {string[]} paths from `root` */
function filesUnder(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.map((name) => `${folder}/${name.split("\\").join("/")}`);
}

/** In node_modules, so that an install from scratch also builds from scratch. @param {string} root */
function stampPath(root) {
  return join(root, "node_modules", ".cache", "shoal-build.json");
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // Missing, or cut off by a kill: both mean "do it again".
    return null;
  }
}

/** @param {string} message */
function say(message) {
  process.stderr.write(`shoal: ${message}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await ensureBuilt();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
