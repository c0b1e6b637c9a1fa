import type { Outcome, Recovered } from "@shoal/coordinator";
import { algorithmOf, type Experiment, modelLayout, presets, type TaskSource } from "@shoal/core";
import type { Invocation } from "./command.ts";
import { episodeText, hasClasses, scoreText } from "./evaluation-text.ts";
import { count, duration } from "./format.ts";
import type { ResolvedExperiment } from "./resolve-experiment.ts";

/** Says what is going to be trained, and what was changed by whom. */
export function describeRun(
  { terminal }: Invocation,
  { experiment, origins }: ResolvedExperiment,
  source: TaskSource,
  path: string,
  before: Recovered | null,
): void {
  const { algorithm, model, dataset, metaBatch, outer, steps } = experiment;
  const preset = presets.find(({ name }) => name === experiment.name);
  const summary = preset?.experiment.algorithm.type === algorithm.type ? preset.summary : undefined;
  terminal.line(`${experiment.name}${summary === undefined ? "" : `: ${summary}`}`);
  terminal.line(`  data       ${source.description}`);
  const trainWays = "trainWays" in dataset ? dataset.trainWays : undefined;
  const trainShots = "trainShots" in dataset ? dataset.trainShots : undefined;
  const queries = `${dataset.queries} quer${dataset.queries === 1 ? "y" : "ies"}${hasClasses(dataset) ? " per class" : ""}`;
  const inTraining = [
    ...(trainWays === undefined ? [] : [`${trainWays}-way`]),
    ...(trainShots === undefined ? [] : [`${trainShots}-shot`]),
  ];
  const training = inTraining.length === 0 ? "" : ` (${inTraining.join(" ")} in training)`;
  terminal.line(
    `  episodes   ${episodeText(dataset)}${training}, ${queries}, ${metaBatch} tasks per step, seed ${experiment.seed}`,
  );
  terminal.line(
    `  model      ${describeModel(model)}, ${count(modelLayout(experiment, source).size)} parameters`,
  );
  terminal.line(
    `  algorithm  ${algorithmOf(algorithm).describe(algorithm)}; ${describeOuter(outer)}, ${count(steps)} steps`,
  );
  for (const [field, origin] of Object.entries(origins)) terminal.line(`  changed    ${field} by ${origin}`);
  terminal.line(`  run        ${path}${before === null ? "" : `, ${originText(before)}`}`);
  terminal.json({ event: "configuration", experiment, origins, runDir: path, dataHash: source.dataHash });
}

/** `outer adam 0.001, cosine to 0.00001`. */
function describeOuter({ type, rate, schedule }: Experiment["outer"]): string {
  const named = `outer ${type} ${rate}`;
  switch (schedule?.type) {
    case "cosine":
    case "linear": {
      const over = schedule.steps === undefined ? "" : ` in ${count(schedule.steps)} steps`;
      return `${named}, ${schedule.type} to ${schedule.final}${over}`;
    }
    case "halve":
      return `${named}, halved every ${count(schedule.every)} steps`;
    default:
      return named;
  }
}

function originText({ checkpoint, replayedSteps }: Recovered): string {
  const { step } = checkpoint;
  const replayed = `checkpoint of step ${count(step - replayedSteps)}, ${count(replayedSteps)} from the log`;
  return `from step ${count(step)}${replayedSteps === 0 ? "" : ` (${replayed})`}`;
}

function describeModel(model: Experiment["model"]): string {
  if (model.type === "mlp") {
    return model.hidden.length === 0 ? "linear" : `MLP with ${model.hidden.join("-")} hidden units`;
  }
  if (model.type === "resnet12") return `ResNet-12, ${model.widths.join("-")} filters, no DropBlock`;
  const norm = {
    affine: "batch norm with adapted scale and shift",
    "outer-shift": "batch norm with a shift",
    none: "batch norm",
  }[model.batchNorm];
  return `conv4, ${model.filters} filters, ${model.downsampling === "maxpool" ? "max-pooling" : "stride 2"}, ${norm}`;
}

/** Says how it ended and what to do next; `again` is the command that goes on. */
export function concludeRun(
  { terminal }: Invocation,
  outcome: Outcome,
  again: string,
  path: string,
  seconds: number,
  { experiment }: ResolvedExperiment,
): void {
  if (outcome.type === "failed") {
    process.stderr.write(`error: ${outcome.message} (${outcome.code})\n`);
    terminal.line(`stopped at step ${count(outcome.step)}; go on with: ${again}`);
    return;
  }
  if (outcome.type === "stopped") {
    terminal.line(`saved step ${count(outcome.step)} of ${count(experiment.steps)}; go on with: ${again}`);
    return;
  }
  const before = outcome.evaluations.find(({ purpose }) => purpose === "test-before");
  const after = outcome.evaluations.findLast(({ purpose }) => purpose === "test-after");
  if (before !== undefined && after !== undefined) {
    terminal.line(`test: ${scoreText(experiment, before)} -> ${scoreText(experiment, after)}`);
  }
  terminal.line(
    `${count(outcome.step)} steps in ${duration(1000 * seconds)}, parameters ${outcome.paramsHash}`,
  );
  terminal.line("next:");
  terminal.line(`  npx shoal evaluate ${path}`);
  // Where the outer rate fell over the run's length, more steps would be taken with what is left of it.
  const { schedule } = experiment.outer;
  if (schedule?.type !== "linear" && schedule?.type !== "cosine") {
    terminal.line(`  ${again} --steps ${2 * Math.max(1, experiment.steps)}`);
  }
  if (experiment.dataset.source === "glyphs") {
    terminal.line(
      "  npx shoal train --preset omniglot-5w1s --data DIR    (real Omniglot; --download fetches it)",
    );
  }
}
