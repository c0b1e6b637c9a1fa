import {
  type Checkpoint,
  type Evaluation,
  loadLastStep,
  type Recovered,
  type RunDirectory,
} from "@shoal/coordinator";
import { parseExperiment } from "@shoal/core";
import { createOuterOptimizer, type Optimizer } from "@shoal/core/outer";
import type { Invocation } from "./command.ts";
import { count } from "./format.ts";
import type { OptionSpec } from "./option-spec.ts";
import { type OptionName, optionTable } from "./option-table.ts";
import type { ResolvedExperiment } from "./resolve-experiment.ts";
import { usageError } from "./usage-error.ts";

/** Options that may change when a run is resumed: no committed step depends on them. */
const CHANGEABLE: ReadonlySet<string> = new Set(["steps", "evaluate-every", "test-tasks"]);

/** The outer optimizer of a stored run. */
export function outerOf({ experiment, layout }: Checkpoint): Optimizer {
  return createOuterOptimizer(parseExperiment(experiment), layout);
}

/** The last committed step of the run, or the checkpoint, that a command line names; says so where it is the log's. */
export async function loadNamedRun({ positional, terminal }: Invocation): Promise<Checkpoint> {
  const { checkpoint, savedStep } = await loadLastStep(positional[0]!, {
    outerOf,
    onRejected: (rejected) => {
      terminal.line(`${rejected.reason}; the one before is used`);
      terminal.json({ event: "checkpoint-rejected", ...rejected });
    },
  });
  const { step } = checkpoint;
  if (step !== savedStep) {
    terminal.line(
      `step ${count(step)}: the checkpoint of step ${count(savedStep)}, and ${count(step - savedStep)} steps of the run's log`,
    );
    terminal.json({ event: "log-replayed", step, savedStep });
  }
  return checkpoint;
}

/** The last committed step of a run; null if it ended before it had anything to go on with. */
export async function recoverIn(
  runDirectory: RunDirectory,
  terminal: Invocation["terminal"],
): Promise<Recovered | null> {
  if (!(await runDirectory.hasBegun())) return null;
  return runDirectory.recover(outerOf, (finding) => {
    terminal.line(finding.message);
    terminal.json({ event: "damage-found", ...finding });
  });
}

/** The experiment of a stored run, with what may change. */
export function resumeExperiment(
  before: Pick<Checkpoint, "experiment" | "step">,
  { values, given }: Invocation,
): ResolvedExperiment {
  const stored = parseExperiment(before.experiment);
  const fixed = [...given].filter((name) => {
    const spec: OptionSpec = optionTable[name];
    return (spec.path !== undefined || isExperimentOption(name)) && !CHANGEABLE.has(name);
  });
  if (fixed.length > 0) {
    throw usageError(
      `--resume: expected the experiment as it was; ${fixed.map((name) => `--${name}`).join(", ")} would change it; ` +
        "start a new run for that",
    );
  }
  const steps = values.steps ?? stored.steps;
  if (steps < before.step) {
    throw usageError(`--steps: the run has committed ${before.step} steps already, got ${steps}; name more`);
  }
  const evaluation = {
    ...stored.evaluation,
    every: values["evaluate-every"] ?? stored.evaluation.every,
    testTasks: values["test-tasks"] ?? stored.evaluation.testTasks,
  };
  // A schedule that falls over the whole run was computed with the length that the run had.
  const { schedule } = stored.outer;
  const falls = schedule?.type === "cosine" || schedule?.type === "linear";
  const outer =
    falls && steps !== stored.steps
      ? { ...stored.outer, schedule: { ...schedule, steps: schedule.steps ?? stored.steps } }
      : stored.outer;
  const origins = Object.fromEntries(
    [...given].filter((name) => CHANGEABLE.has(name)).map((name) => [name, `--${name}`]),
  );
  return {
    experiment: parseExperiment({ ...stored, steps, outer, evaluation }),
    preset: stored.name,
    origins,
  };
}

function isExperimentOption(name: OptionName): boolean {
  return name === "preset" || name === "config" || name === "algorithm";
}

/** The evaluations among the lines of a stored run. */
export function evaluationsIn(before: Recovered | null): readonly Evaluation[] {
  const lines: readonly unknown[] = before?.metrics ?? [];
  return lines.filter(isEvaluation);
}

/** Is it a line of an evaluation in `metrics.jsonl`? */
export function isEvaluation(metric: unknown): metric is Evaluation & { readonly type: "evaluation" } {
  return typeof metric === "object" && metric !== null && "type" in metric && metric.type === "evaluation";
}
