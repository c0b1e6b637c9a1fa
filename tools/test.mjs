// What `npm test` runs: the checks, the tests, the examples. All stages run, also after a failed one.
//
//   node tools/test.mjs [stage ...]     only these stages; see `stages` below
//
// The last line is `N passed, N failed` (and `, N skipped`): tests, examples and check stages together.

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./ensure-built.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** An example that takes longer hangs. The longest takes a few seconds. */
const exampleMsMax = 180_000;

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** By name, in the order in which they run. @type {Record<string, () => Promise<Counts>>} */
const stages = {
  format: () => check("@biomejs/biome", ["check", "--error-on-warnings", "."]),
  lint: () => check("oxlint", ["--type-aware", "--deny-warnings"]),
  types: () => check("typescript", ["-p", "tsconfig.json"]),
  "dead-code": () => check("knip", []),
  unit: () => vitest("unit"),
  e2e: () => vitest("e2e"),
  examples: () => examples(),
};

/** @param {string[]} names the stages to run; none means all */
async function main(names) {
  const unknown = names.find((name) => !(name in stages));
  if (unknown !== undefined) {
    console.error(`unknown stage ${unknown}; the stages are ${Object.keys(stages).join(", ")}`);
    return 2;
  }
  await ensureBuilt(root);
  const total = { passed: 0, failed: 0, skipped: 0 };
  const wanted = names.length === 0 ? Object.keys(stages) : names;
  for (const name of wanted) {
    console.log(`\n=== ${name}`);
    const startMs = performance.now();
    const counts = await /** @type {() => Promise<Counts>} */ (stages[name])();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`=== ${name}: ${describe(counts)} (${seconds} s)`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  console.log(`\n${describe(total)}`);
  return total.failed === 0 ? 0 : 1;
}

/** @param {Counts} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * A stage that passes or fails as a whole.
 *
 * @param {string} packageName
 * @param {string[]} args
 */
async function check(packageName, args) {
  const status = await run([binOf(packageName), ...args]);
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/**
 * Runs a project of vitest.config.ts and counts from its JSON report, which also tells a file that could
 * not be loaded.
 *
 * @param {string} project
 */
async function vitest(project) {
  const folder = mkdtempSync(join(tmpdir(), "shoal-test-"));
  try {
    const report = join(folder, "report.json");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const status = await run([binOf("vitest"), "run", "--project", project, ...reporters]);
    const counts = countReport(report);
    // An error outside any test, or no test at all, fails the run without failing a test.
    const silent = counts.failed === 0 && (status !== 0 || counts.passed === 0);
    return silent ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} path @returns {Counts} */
function countReport(path) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    console.error("vitest ended without a report");
    return { ...counts, failed: 1 };
  }
  for (const file of report.testResults) {
    if (file.status === "failed" && file.assertionResults.length === 0) counts.failed += 1;
    for (const test of file.assertionResults) {
      if (test.status === "passed") counts.passed += 1;
      else if (test.status === "failed") counts.failed += 1;
      else counts.skipped += 1;
    }
  }
  return counts;
}

/** Runs every file of examples/ and expects each to end with success in time. */
async function examples() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const names = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".js"));
  for (const name of names.sort()) {
    console.log(`\n--- node examples/${name}`);
    const status = await run([join("examples", name)], exampleMsMax);
    if (status === 0) counts.passed += 1;
    else {
      counts.failed += 1;
      console.log(`examples/${name} failed: ${status}`);
    }
  }
  return names.length === 0 ? { ...counts, failed: 1 } : counts;
}

/** The script that a package's first command starts. @param {string} packageName */
function binOf(packageName) {
  const home = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  const path = typeof bin === "string" ? bin : Object.values(bin)[0];
  return join(home, path);
}

/**
 * @param {string[]} args for node
 * @param {number} [msMax] the process is killed after this
 * @returns {Promise<number | string>} exit code or signal
 */
function run(args, msMax) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    const timer = msMax === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), msMax);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? signal ?? 1);
    });
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
