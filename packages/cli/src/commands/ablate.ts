import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AblationRow, ablation, type Experiment, parseExperiment } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import { type Command, EXIT, type Invocation } from "../command.ts";
import type { EvaluationSummary } from "../evaluation-text.ts";
import { count, duration, percent } from "../format.ts";
import { resumeTraining, startTraining } from "../host-run.ts";
import { experimentOptions } from "../option-groups.ts";
import { resolveExperiment } from "../resolve-experiment.ts";

export const ablate: Command = {
  name: "ablate",
  summary:
    "Train MAML, MAML++ and each with one part more or less, one after the other, each into a run directory of its own; " +
    "then a table. Started again, it goes on where it was.",
  arguments: "",
  options: [
    ...experimentOptions.filter((name) => name !== "algorithm" && name !== "list-presets"),
    "seeds",
    "workers",
    "threads",
    "device",
    "data",
    "cache-dir",
    "no-compile-cache",
    "download",
    "run-dir",
    "checkpoint-every",
    "log",
    "log-level",
    "json",
  ],
  overrides: {
    preset: { help: "data, network and protocol of every run (shoal train --list-presets)" },
    steps: { help: "meta-steps of every run" },
    seeds: { help: "how many seeds, from --seed on", fallback: 1 },
    "run-dir": { help: "directory of the run directories", unset: "runs/ablation-<preset>" },
    "test-batch-norm": { unset: "both, where there is batch norm" },
  },
  example: "shoal ablate --steps 200 --seeds 2",
  run,
};

/** One run: a row of the ablation with a seed. */
interface Run extends AblationRow {
  readonly seed: number;
  readonly path: string;
}

/** What a run came to. */
interface Result {
  readonly test: EvaluationSummary;
  readonly paramsHash: string;
  readonly minutes: number;
}

async function run(invocation: Invocation): Promise<number> {
  const { values, terminal, signal } = invocation;
  const { runs, root } = planRuns(invocation);
  terminal.line(`${count(runs.length)} runs of ${count(runs[0]!.experiment.steps)} steps in ${root}`);
  for (const [i, { name, seed, path, experiment }] of runs.entries()) {
    const title = `run ${i + 1} of ${runs.length}: ${name}, seed ${seed}`;
    const isDone = resultOf(path, experiment) !== null;
    terminal.json({ event: "ablation-run", name, seed, runDir: path, isDone });
    if (isDone) {
      terminal.line(`${title}: done before`);
      continue;
    }
    terminal.line(`\n${title}`);
    const own: Invocation = {
      ...invocation,
      values: { ...values, "run-dir": path, resume: false },
      given: new Set(),
    };
    const host = { localWorkers: values.workers!, address: "127.0.0.1", port: 0 };
    const exit = existsSync(join(path, "run.json"))
      ? await resumeTraining(own, host, path)
      : await startTraining(own, host, { experiment, preset: name, origins: {} }, path);
    if (exit !== EXIT.done) {
      terminal.line(`${i} of ${runs.length} runs are done; the same command goes on from here`);
      return exit;
    }
    if (signal.aborted && i < runs.length - 1) return EXIT.interrupted;
  }
  showTable(invocation, runs);
  return EXIT.done;
}

/** Every row with every seed, seed by seed. */
function planRuns({ values, given }: Invocation): { readonly runs: readonly Run[]; readonly root: string } {
  const { experiment, preset } = resolveExperiment(
    { ...values, algorithm: "maml++" },
    new Set([...given, "algorithm"]),
  );
  // Running statistics act in inductive evaluation alone.
  const isInductiveToo = values["test-batch-norm"] === undefined && experiment.model.type === "conv4";
  const rows = ablation(
    isInductiveToo
      ? { ...experiment, evaluation: { ...experiment.evaluation, batchNorm: "both" } }
      : experiment,
  );
  const root = values["run-dir"] ?? join("runs", `ablation-${preset}`);
  const seeds = Array.from({ length: values.seeds! }, (_, i) => experiment.seed + i);
  const runs = seeds.flatMap((seed) =>
    rows.map((row) => ({
      name: row.name,
      seed,
      path: join(root, `${row.name}-seed${seed}`),
      experiment: parseExperiment({ ...row.experiment, seed }),
    })),
  );
  for (const { path, experiment: planned } of runs) checkSame(path, planned);
  return { runs, root };
}

/** @throws {ShoalError} E_RUN_DIRECTORY if the directory has the run of another experiment */
function checkSame(path: string, experiment: Experiment): void {
  const file = join(path, "experiment.json");
  if (!existsSync(file)) return;
  const stored: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (JSON.stringify(parseExperiment(stored)) === JSON.stringify(experiment)) return;
  throw new ShoalError(
    "E_RUN_DIRECTORY",
    `${path}: holds the run of another experiment; give the options of then, or another --run-dir`,
  );
}

/** What the run in `path` came to; null if it is not complete. */
function resultOf(path: string, { steps }: Experiment): Result | null {
  const file = join(path, "summary.json");
  if (!existsSync(file)) return null;
  const summary = JSON.parse(readFileSync(file, "utf8")) as {
    readonly outcome: string;
    readonly step: number;
    readonly paramsHash: string;
    readonly test?: EvaluationSummary;
  };
  if (summary.outcome !== "complete" || summary.step !== steps || summary.test === undefined) return null;
  return { test: summary.test, paramsHash: summary.paramsHash, minutes: minutesOf(path) };
}

/** Time of the steps, over all the times that the run was started. */
function minutesOf(path: string): number {
  const lines = readFileSync(join(path, "metrics.jsonl"), "utf8").trim().split("\n");
  const steps = lines.map((line) => JSON.parse(line) as { readonly stepMs?: number });
  return steps.reduce((sum, { stepMs = 0 }) => sum + stepMs, 0) / 60_000;
}

function showTable({ terminal }: Invocation, runs: readonly Run[]): void {
  const names = [...new Set(runs.map(({ name }) => name))];
  const sorted = names.flatMap((name) => runs.filter((each) => each.name === name));
  const rows = sorted.map((each) => ({ ...each, ...resultOf(each.path, each.experiment)! }));
  const { test } = rows[0]!;
  const headings = [
    ["run", "seed", test.accuracy === undefined ? "test loss" : "test accuracy"],
    test.inductive === undefined ? [] : ["inductive"],
    ["time", "parameters", "directory"],
  ].flat();
  const cells = rows.map((row) => [
    row.name,
    String(row.seed),
    scoreText(row.test),
    ...(row.test.inductive === undefined ? [] : [scoreText(row.test.inductive)]),
    duration(60_000 * row.minutes),
    row.paramsHash.slice(0, 12),
    row.path,
  ]);
  const widths = headings.map((heading, k) =>
    Math.max(heading.length, ...cells.map((row) => row[k]!.length)),
  );
  terminal.line("");
  for (const row of [headings, ...cells]) {
    terminal.line(
      row
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join("  ")
        .trimEnd(),
    );
  }
  for (const { name, seed, test: score, paramsHash, minutes, path } of rows) {
    terminal.json({ event: "ablation-result", name, seed, test: score, paramsHash, minutes, runDir: path });
  }
}

/** `95.30 % +- 0.41`, or a loss. */
function scoreText(score: Pick<EvaluationSummary, "accuracy" | "loss" | "ci95">): string {
  return score.accuracy === undefined
    ? `${score.loss.toPrecision(4)} +- ${score.ci95.toPrecision(2)}`
    : `${percent(score.accuracy)} +- ${(100 * score.ci95).toFixed(2)}`;
}
