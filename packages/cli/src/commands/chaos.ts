import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyRun } from "@shoal/coordinator";
import type { Experiment } from "@shoal/core";
import { parseFaultKinds } from "../chaos/fault.ts";
import { type ChaosReport, describeReport, hasHeld } from "../chaos/report.ts";
import { type ChaosEvent, runChaos } from "../chaos/run-chaos.ts";
import { type QuietRun, runQuietly } from "../chaos/run-quietly.ts";
import { drawSchedule } from "../chaos/schedule.ts";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { taskSourceOptions } from "../data-options.ts";
import { count, duration } from "../format.ts";
import { experimentOptions } from "../option-groups.ts";
import { resolveExperiment } from "../resolve-experiment.ts";
import { outerOf } from "../stored-run.ts";
import type { Terminal } from "../terminal.ts";
import { timestamp } from "../timestamp.ts";
import { usageError } from "../usage-error.ts";

export const chaos: Command = {
  name: "chaos",
  summary:
    "Run an experiment as real processes while they are killed, stopped and cut off, from a seed; then compare " +
    "its parameters with those of a quiet run, and verify its ledger.",
  arguments: "",
  options: [
    "kill-every",
    "for",
    "faults",
    "quiet-hash",
    ...experimentOptions.filter((name) => name !== "list-presets"),
    "workers",
    "threads",
    "device",
    "data",
    "cache-dir",
    "no-compile-cache",
    "run-dir",
    "checkpoint-every",
    "json",
  ],
  overrides: {
    workers: { help: "worker processes", fallback: 3 },
    threads: { fallback: 1 },
    steps: { unset: "as many as a run that is left alone makes in --for" },
    "evaluate-every": { unset: "five times in the run" },
    "test-tasks": { unset: "the preset's, at most 100" },
    seed: { help: "of the experiment, and of what happens to it", fallback: 1 },
    "checkpoint-every": { fallback: 50 },
    "run-dir": {
      help: "directory for the quiet run, the other one, and their logs",
      unset: "runs/chaos-<time>",
    },
  },
  example: "shoal chaos --kill-every 5s --for 2m",
  run,
};

/** Tasks of an evaluation unless another number is named: what is compared is the training. */
const EVALUATION_TASKS_MAX = 100;

/** Steps of the run that measures how many fit into `--for`. */
const MEASURED_STEPS = 40;

async function run(invocation: Invocation): Promise<number> {
  const { values, given, terminal } = invocation;
  const kinds = parseFaultKinds(values.faults!);
  const quietHash = values["quiet-hash"];
  if (quietHash !== undefined && !/^[0-9a-f]{64}$/.test(quietHash)) {
    throw usageError(`--quiet-hash: expected a paramsHash of 64 hex digits, got "${quietHash}"`);
  }
  if (quietHash !== undefined && !given.has("steps")) {
    throw usageError("--quiet-hash: expected --steps of the run that it is of, got none");
  }
  const directory = values["run-dir"] ?? join("runs", `chaos-${timestamp()}`);
  const { experiment } = resolveExperiment(values, new Set([...given, "seed"]));
  const steps = given.has("steps") ? experiment.steps : await fittingSteps(invocation, experiment, directory);
  const chosen = { ...experiment, steps, evaluation: evaluationOf(invocation, experiment, steps) };
  const quiet = quietHash === undefined ? await quietRun(invocation, chosen, directory, "quiet") : null;
  if (quiet !== null) {
    terminal.line(
      `quiet run: ${count(steps)} steps in ${duration(quiet.ms)}, parameters ${quiet.paramsHash}`,
    );
    terminal.json({ event: "quiet", steps, seconds: quiet.ms / 1000, paramsHash: quiet.paramsHash });
  }
  const report = await chaoticRun(invocation, chosen, directory, {
    kinds,
    quietParamsHash: quiet?.paramsHash ?? quietHash!,
    quietMs: quiet?.ms ?? null,
  });
  terminal.line("");
  for (const line of describeReport(report)) terminal.line(line);
  const held = hasHeld(report);
  terminal.line(`${held ? "held" : "BROKEN"}; runs and logs are in ${directory}`);
  terminal.json({ event: "chaos", held, ...report, directory });
  return held ? EXIT.done : EXIT.failed;
}

/** How many steps a run that is left alone makes in `--for`. */
async function fittingSteps(
  invocation: Invocation,
  experiment: Experiment,
  directory: string,
): Promise<number> {
  const { values, terminal } = invocation;
  const short = { ...experiment, steps: MEASURED_STEPS };
  const evaluation = { ...evaluationOf(invocation, short, MEASURED_STEPS), every: 0 };
  const { stepMs } = await quietRun(invocation, { ...short, evaluation }, directory, "measured");
  const steps = Math.max(MEASURED_STEPS, Math.ceil(values.for! / stepMs));
  terminal.line(`a step takes ${duration(stepMs)}: ${count(steps)} steps for ${duration(values.for!)}`);
  return steps;
}

function evaluationOf({ given }: Invocation, { evaluation }: Experiment, steps: number) {
  const { every, validationTasks, testTasks } = evaluation;
  const atMost = (tasks: number): number => Math.min(tasks, EVALUATION_TASKS_MAX);
  return {
    ...evaluation,
    every: given.has("evaluate-every") ? every : Math.max(1, Math.ceil(steps / 5)),
    validationTasks: atMost(validationTasks),
    testTasks: given.has("test-tasks") ? testTasks : atMost(testTasks),
  };
}

function quietRun(
  invocation: Invocation,
  experiment: Experiment,
  directory: string,
  name: string,
): Promise<QuietRun> {
  const { values, terminal, signal } = invocation;
  const at = join(directory, name);
  return runQuietly({
    directory: at,
    args: [
      ...experimentArgs(invocation, experiment, at),
      "--workers",
      String(values.workers!),
      ...workerArgs(invocation),
      ...checkpointArgs(invocation),
    ],
    signal,
    onStep: (step, of) => terminal.live(`${name} run: step ${count(step)} of ${count(of)}`),
  }).finally(() => terminal.clearLive());
}

async function chaoticRun(
  invocation: Invocation,
  experiment: Experiment,
  directory: string,
  about: {
    readonly kinds: Parameters<typeof drawSchedule>[0]["kinds"];
    readonly quietParamsHash: string;
    readonly quietMs: number | null;
  },
): Promise<ChaosReport> {
  const { values, terminal, signal } = invocation;
  const seed = values.seed!;
  const workers = values.workers!;
  const schedule = drawSchedule({
    seed,
    kinds: about.kinds,
    everyMs: values["kill-every"]!,
    forMs: values.for!,
    workers,
  });
  const at = join(directory, "chaos");
  terminal.line(
    `${workers} workers and a coordinator, ${count(schedule.length)} faults in ${duration(values.for!)}, seed ${seed}:`,
  );
  const outcome = await runChaos({
    directory: at,
    workers,
    schedule,
    experiment: experimentArgs(invocation, experiment, at),
    coordinatorArgs: [...dataArgs(invocation), ...checkpointArgs(invocation), "--wait-for", "600"],
    workerArgs: workerArgs(invocation),
    signal,
    tell: (event) => show(terminal, event),
  }).finally(() => terminal.clearLive());
  const { paramsHash, ...rest } = outcome;
  const verified = await verifyRun(join(at, "run"), { outerOf });
  return {
    seed,
    ...rest,
    paramsHash,
    quietMs: about.quietMs,
    quietParamsHash: about.quietParamsHash,
    isHashEqual: paramsHash === about.quietParamsHash && verified.paramsHash === paramsHash,
    isLedgerConsistent: verified.isConsistent,
    ledgerFaults: verified.checks.filter((check) => check.outcome === "fault").map(({ detail }) => detail),
  };
}

function show(terminal: Terminal, event: ChaosEvent): void {
  if (event.type === "step") {
    terminal.live(`step ${count(event.step)} of ${count(event.steps)}`);
    return;
  }
  const at = `${(event.atMs / 1000).toFixed(1)} s`.padStart(8);
  if (event.type === "fault") terminal.line(`${at}  ${event.kind.padEnd(12)} ${event.text}`);
  else if (event.type === "fault-skipped") {
    terminal.line(`${at}  ${event.kind.padEnd(12)} nothing happens: ${event.text}`);
  } else terminal.line(`${at}  surprise     ${event.text}`);
  const { type, ...fields } = event;
  terminal.json({ event: type, ...fields });
}

/** The experiment as a file, so that every process has the same. */
function experimentArgs({ values }: Invocation, experiment: Experiment, directory: string): string[] {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "experiment.json");
  writeFileSync(file, `${JSON.stringify(experiment, null, 2)}\n`);
  return ["--preset", values.preset!, "--config", file];
}

function dataArgs({ values }: Invocation): string[] {
  const { dataDir, cacheDir } = taskSourceOptions(values);
  return [...(dataDir === undefined ? [] : ["--data", dataDir]), "--cache-dir", cacheDir];
}

function workerArgs(invocation: Invocation): string[] {
  const { threads, device, "no-compile-cache": noCache } = invocation.values;
  return [
    ...dataArgs(invocation),
    "--threads",
    String(threads!),
    "--device",
    device!,
    ...(noCache === true ? ["--no-compile-cache"] : []),
  ];
}

function checkpointArgs({ values }: Invocation): string[] {
  return ["--checkpoint-every", String(values["checkpoint-every"]!)];
}
