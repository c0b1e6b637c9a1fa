// Measures Shoal beside its peers, interleaved, and prints a table for docs/performance.md.
//
//   node bench/compare.mjs --python .venv/bin/python --rounds 3 --seconds 10 [--workloads W1,W2]
//       [--threads 1,2] [--peers torch_autograd,jax_map] [--lines FILE]
//
// In each round every implementation runs for a while, one after the other, each in a process of its own; the
// medians are over the steps of all rounds. With two threads a peer runs as two processes of one thread;
// --peer-threads makes it one process of two threads.

import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
    workloads: { type: "string", default: "W1,W1-fo,W1-20way,W2" },
    threads: { type: "string", default: "1,2" },
    peers: { type: "string", default: "torch_autograd,torch_func,torch_compile,jax_map" },
    "peer-threads": { type: "boolean", default: false },
    lines: { type: "string" },
  },
});

// The peers tell the allocator to keep what is freed (`peers/measure.py`); so does `shoal train` to its workers.
const { tunedEnvironment } = await import("../packages/cli/dist/tuned-environment.js");

const here = fileURLToPath(new URL(".", import.meta.url));
const list = (text) => text.split(",").filter((part) => part !== "");

/** One run of one implementation: its line of JSON, or the error that it ended with. */
function measure(implementation, workload, threads, start) {
  const seconds = ["--seconds", values.seconds];
  const peer = values["peer-threads"] ? ["--threads", threads] : ["--processes", threads];
  const [command, args] =
    implementation === "shoal"
      ? [process.execPath, [join(here, "shoal.mjs"), workload, start, "--threads", threads, ...seconds]]
      : [values.python, [join(here, "peers", `${implementation}.py`), workload, ...peer, ...seconds]];
  try {
    const output = execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: implementation === "shoal" ? tunedEnvironment(process.env) : process.env,
    });
    const line = output.trim().split("\n").at(-1);
    if (values.lines !== undefined) appendFileSync(values.lines, `${line}\n`);
    return JSON.parse(line);
  } catch (error) {
    return {
      error: String(error.stderr ?? error.message)
        .trim()
        .split("\n")
        .at(-1),
    };
  }
}

function medianOf(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const implementations = ["shoal", ...list(values.peers)];
const folder = mkdtempSync(join(tmpdir(), "shoal-bench-"));
console.log(`| workload | threads | ${implementations.join(" | ")} | best peer / Shoal |`);
console.log(`| --- | --- | ${implementations.map(() => "---").join(" | ")} | --- |`);
try {
  for (const workload of list(values.workloads)) {
    const start = join(folder, `${workload}.f32`);
    execFileSync(values.python, [join(here, "peers", "workloads.py"), workload, start]);
    for (const threads of list(values.threads)) {
      const runs = new Map(implementations.map((implementation) => [implementation, []]));
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const implementation of implementations) {
          const earlier = runs.get(implementation);
          // What failed once fails again.
          if (earlier.some(({ error }) => error !== undefined)) continue;
          earlier.push(measure(implementation, workload, threads, start));
        }
      }
      const cells = implementations.map((implementation) => {
        const results = runs.get(implementation);
        const failed = results.find(({ error }) => error !== undefined);
        if (failed !== undefined) return { text: failed.error, seconds: Number.POSITIVE_INFINITY };
        const seconds = medianOf(results.flatMap((result) => result.seconds_per_step));
        const cpu = medianOf(results.map((result) => result.cpu_seconds_mean));
        const peak = Math.max(...results.map((result) => result.peak_rss_mb));
        return { text: `${seconds.toFixed(3)} s (cpu ${cpu.toFixed(3)}), ${peak} MB`, seconds };
      });
      const best = Math.min(...cells.slice(1).map(({ seconds }) => seconds));
      const ratio = (best / cells[0].seconds).toFixed(2);
      console.log(`| ${workload} | ${threads} | ${cells.map(({ text }) => text).join(" | ")} | ${ratio} |`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
