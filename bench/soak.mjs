// Memory over as many steps as an hour of W1 has: a real run of small tasks (sinusoids), with a log and checkpoints.
//
//   node bench/soak.mjs [--steps 10000] [--workers 2] [--growth-max-mb 16]
//
// Prints what the coordinator and its workers hold after garbage collections, in MB, in tenths of the run, and the
// growth of each from the end of the second tenth on: caches are full by then. Exits with 1 if the JavaScript heap or
// the buffers of one have grown by more than --growth-max-mb.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    workers: { type: "string", default: "2" },
    "growth-max-mb": { type: "string", default: "16" },
  },
});
const steps = Number(values.steps);
const TENTHS = 10;

/** @typedef {{ role: string; pid: number; rss: number; heapUsed: number; external: number }} Sample */

/** Trains, and calls `onStep` after each step. @param {string} directory @param {(step: number) => void} onStep */
async function train(directory, onStep) {
  const report = new URL("./soak/report-memory.mjs", import.meta.url);
  const shoal = fileURLToPath(new URL("../packages/cli/bin/shoal.js", import.meta.url));
  const options = {
    preset: "sinusoid",
    "meta-batch": "4",
    steps: values.steps,
    "evaluate-every": String(Math.ceil(steps / 20)),
    "test-tasks": "20",
    workers: values.workers,
    threads: "1",
    "run-dir": join(directory, "run"),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const env = {
    ...process.env,
    NODE_OPTIONS: `--expose-gc --import=${report}`,
    SOAK_FILE: join(directory, "memory"),
  };
  const child = spawn(process.execPath, [shoal, "train", "--json", ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  let said = "";
  child.stderr.on("data", (text) => {
    said = (said + text).slice(-2_000);
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line);
      if (event.event === "step") onStep(event.step);
    }
  } finally {
    child.kill();
  }
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`shoal train ended with ${code ?? signal}: ${said}`);
}

/** What was written down since the last look. @param {string} file @param {number} seen */
function samplesAfter(file, seen) {
  const lines = readFileSync(file, "utf8").split("\n").slice(seen, -1);
  return lines.map((line) => /** @type {Sample} */ (JSON.parse(line)));
}

/** The median of each process over one tenth of the run. @param {readonly Sample[]} samples */
function mediansOf(samples) {
  /** @type {Map<string, Sample[]>} */
  const byProcess = new Map();
  for (const sample of samples) {
    const name = `${sample.role} ${sample.pid}`;
    byProcess.set(name, [...(byProcess.get(name) ?? []), sample]);
  }
  const middle = (/** @type {number[]} */ numbers) =>
    numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
  return new Map(
    [...byProcess].map(([name, own]) => [
      name,
      {
        rss: middle(own.map(({ rss }) => rss / 1e6)),
        heap: middle(own.map(({ heapUsed }) => heapUsed / 1e6)),
        buffers: middle(own.map(({ external }) => external / 1e6)),
      },
    ]),
  );
}

const directory = mkdtempSync(join(tmpdir(), "soak-"));
try {
  /** @type {ReturnType<typeof mediansOf>[]} */
  const tenths = [];
  let seen = 0;
  const started = performance.now();
  await train(directory, (step) => {
    if (step % Math.ceil(steps / TENTHS) !== 0 && step !== steps) return;
    const samples = samplesAfter(join(directory, "memory"), seen);
    seen += samples.length;
    if (samples.length === 0) return;
    const medians = mediansOf(samples);
    tenths.push(medians);
    const texts = [...medians].map(
      ([name, { rss, heap, buffers }]) =>
        `${name}: ${rss.toFixed(1)} resident, ${heap.toFixed(1)} heap, ${buffers.toFixed(1)} buffers`,
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`step ${step}, ${seconds} s\n  ${texts.join("\n  ")}`);
  });
  const names = new Set(tenths.flatMap((medians) => [...medians.keys()]));
  for (const name of names) {
    // A process that was looked at in too few tenths says nothing, and neither does a run that is over at once.
    const own = tenths.slice(1).flatMap((medians) => medians.get(name) ?? []);
    const [start, end] = [own[0], own.at(-1)];
    if (start === undefined || end === undefined || own.length < TENTHS / 2) {
      throw new Error(`${name} was looked at in ${own.length} tenths of the run; take more steps (--steps)`);
    }
    const [rss, heap, buffers] = [end.rss - start.rss, end.heap - start.heap, end.buffers - start.buffers];
    console.log(
      `${name} since the second tenth: ` +
        `resident ${rss.toFixed(1)}, heap ${heap.toFixed(1)}, buffers ${buffers.toFixed(1)} MB`,
    );
    if (Math.max(heap, buffers) > Number(values["growth-max-mb"])) process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true });
}
