// Attacks a coordinator of a real run over real sockets, and compares the run with a quiet one.
//
//   node bench/fuzz/fuzz.mjs [--frames 100000] [--seed 1]
//
// A coordinator and two workers train; `attack.mjs` sends malformed frames until `--frames` are sent; the run is
// interrupted at whatever step it has reached, and a quiet run of as many steps must have the same paramsHash.
// The last line is one object of JSON; the exit code is 1 if anything went wrong.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { attack } from "./attack.mjs";

const script = fileURLToPath(new URL("../../packages/cli/bin/shoal.js", import.meta.url));

/** The MLP 1-40-40-1 of the sinusoid preset: (1 + 1) * 40 + (40 + 1) * 40 + (40 + 1) * 1 parameters. */
const PARAM_COUNT = 1761;
const RUN = ["--preset", "sinusoid", "--evaluate-every", "0", "--test-tasks", "25", "--json"];
const SAMPLE_MS = 500;

/** A small heap is collected often: what its process then holds is in use, and growth is a leak. */
const SMALL_HEAP = { NODE_OPTIONS: "--max-old-space-size=56 --max-semi-space-size=4" };

/** A `shoal` process and the objects that it prints. */
class Shoal {
  /** @type {Record<string, unknown>[]} */
  lines = [];
  #watchers = new Set();
  #stderr = "";

  /** @param {string[]} args @param {Record<string, string>} env beside this process's own */
  constructor(args, env = {}) {
    this.child = spawn(process.execPath, [script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.ended = once(this.child, "close").then(([code, signal]) => code ?? signal);
    this.child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const value = JSON.parse(line);
      // A long run says much; steps are kept by the last one alone.
      if (value.event === "step") this.lines = this.lines.filter(({ event }) => event !== "step");
      this.lines.push(value);
      for (const look of this.#watchers) look();
    });
  }

  /** The first object of this event, now or when it comes. @param {string} event */
  line(event) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find((line) => line.event === event);
        if (found === undefined) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
      void this.ended.then((exit) =>
        reject(new Error(`shoal ended (${exit}) before ${event}\n${this.#stderr}`)),
      );
    });
  }
}

/**
 * Runs, attacks, compares.
 *
 * @param {{ frames: number, seed: number, say?: (text: string) => void }} options
 */
export async function fuzz({ frames, seed, say = () => {} }) {
  const directory = mkdtempSync(join(tmpdir(), "shoal-fuzz-"));
  /** @type {Shoal[]} */
  const processes = [];
  const start = (/** @type {string[]} */ args, env = {}) => {
    const shoal = new Shoal(args, env);
    processes.push(shoal);
    return shoal;
  };
  try {
    const attacked = ["--steps", "10000000", "--run-dir", join(directory, "attacked"), "--port", "0"];
    const coordinator = start(["coordinator", ...RUN, ...attacked], SMALL_HEAP);
    const { url } = await coordinator.line("listening");
    const { dataHash } = await coordinator.line("configuration");
    for (const name of ["one", "two"])
      start(["worker", "--url", url, "--name", name, "--threads", "1", "--json"]);
    await coordinator.line("step");
    const firstStep = coordinator.lines.find(({ event }) => event === "step")?.step;

    const memory = sampleMemory(coordinator.child.pid);
    const startedMs = performance.now();
    const target = { port: Number(new URL(url).port), paramCount: PARAM_COUNT, dataHash };
    const tally = await attack(target, {
      count: frames,
      seed,
      onProgress: (sent) => {
        memory.mark(sent);
        if (sent % 10_000 < 1000) say(`${sent} frames, ${memory.latest()} MB`);
      },
    });
    const seconds = (performance.now() - startedMs) / 1000;
    memory.close();
    coordinator.child.kill("SIGINT");
    const stopped = await coordinator.line("done");
    say(`stopped at step ${stopped.step}; now the quiet run`);

    const steps = ["--steps", String(stopped.step), "--run-dir", join(directory, "quiet")];
    const quiet = start(["train", ...RUN, "--workers", "2", "--threads", "1", ...steps]);
    const done = await quiet.line("done");
    return {
      frames: Object.values(tally.sent).reduce((sum, count) => sum + count, 0),
      ...tally,
      seconds,
      stepsMeanwhile: Number(stopped.step) - Number(firstStep),
      memoryMb: memory.summary(),
      outcome: stopped.outcome,
      paramsHash: stopped.paramsHash,
      quietParamsHash: done.paramsHash,
      isSame: stopped.paramsHash === done.paramsHash,
    };
  } finally {
    for (const { child } of processes) child.kill("SIGKILL");
    await Promise.all(processes.map(({ ended }) => ended));
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Resident memory of a process over the frames sent (Linux; elsewhere nothing is sampled). @param {number | undefined} pid */
function sampleMemory(pid) {
  /** @type {{ frames: number, megabytes: number }[]} */
  const samples = [];
  let frames = 0;
  const read = () => {
    try {
      const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      if (kilobytes !== undefined) samples.push({ frames, megabytes: Number(kilobytes) / 1024 });
    } catch {
      // No /proc on this system.
    }
  };
  read();
  const timer = setInterval(read, SAMPLE_MS);
  return {
    mark: (/** @type {number} */ sent) => {
      frames = sent;
    },
    latest: () => samples.at(-1)?.megabytes.toFixed(0) ?? "?",
    close: () => {
      read();
      clearInterval(timer);
    },
    summary() {
      const settled = samples.slice(Math.floor(samples.length / 2));
      return {
        first: round(samples[0]?.megabytes),
        largest: round(Math.max(...samples.map(({ megabytes }) => megabytes))),
        last: round(samples.at(-1)?.megabytes),
        // Least squares over the second half, when caches are filled and code is compiled.
        slopePer10000Frames: round(1e4 * slope(settled)),
      };
    },
  };
}

/** @param {{ frames: number, megabytes: number }[]} samples */
function slope(samples) {
  const mean = (/** @type {number[]} */ values) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(samples.map(({ frames }) => frames));
  const y = mean(samples.map(({ megabytes }) => megabytes));
  const covariance = samples.reduce((sum, one) => sum + (one.frames - x) * (one.megabytes - y), 0);
  return covariance / samples.reduce((sum, { frames }) => sum + (frames - x) ** 2, 0);
}

const round = (/** @type {number | undefined} */ value) =>
  value === undefined ? null : Math.round(10 * value) / 10;

/** @param {Awaited<ReturnType<typeof fuzz>>} result */
export function isUnharmed({ isSame, open, outcome }) {
  return isSame && Object.keys(open).length === 0 && outcome === "stopped";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { frames: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
  });
  const result = await fuzz({
    frames: Number(values.frames),
    seed: Number(values.seed),
    say: (text) => console.error(text),
  });
  console.log(JSON.stringify(result));
  process.exitCode = isUnharmed(result) ? 0 : 1;
}
