import type { CoordinatorEvent, Evaluation } from "@shoal/coordinator";
import type { Experiment } from "@shoal/core";
import { partTexts, pathText, protocolText, scoreText, summarize } from "./evaluation-text.ts";
import { count, duration } from "./format.ts";
import type { Terminal } from "./terminal.ts";

type StepEvent = Extract<CoordinatorEvent, { type: "step" }>;

/** Pause between two progress lines where nobody watches a live line, in ms. */
const LINE_MS = 5_000;
/** Weight of a new step in the running means of speed and loss. */
const SMOOTHING = 0.1;

const titles: Record<Evaluation["purpose"], string> = {
  "test-before": "test before training",
  validation: "validation",
  "test-after": "test after training",
  evaluate: "evaluation",
};

/** Shows a run as it goes: one handler for everything that its coordinator tells. */
export function showRun(
  terminal: Terminal,
  experiment: Experiment,
  description: string,
  startStep: number,
): (event: CoordinatorEvent) => void {
  const progress = createProgress(experiment, startStep);
  let printedMs = performance.now();
  let waitingPrintedMs = Number.NEGATIVE_INFINITY;
  return (event) => {
    // The command writes its own last object.
    if (event.type === "done") return;
    terminal.json({ event: event.type, ...withoutType(event) });
    switch (event.type) {
      case "step": {
        const text = progress(event);
        terminal.live(text);
        if (!terminal.isLive && (performance.now() - printedMs > LINE_MS || event.step === event.steps)) {
          printedMs = performance.now();
          terminal.line(text);
        }
        return;
      }
      case "evaluation": {
        const { evaluation } = event;
        const title = `${titles[evaluation.purpose]}, step ${count(evaluation.step)}`;
        terminal.line(`${title}: ${scoreText(experiment, evaluation)} (${pathText(experiment, evaluation)})`);
        for (const text of partTexts(experiment, evaluation)) terminal.line(`  ${text}`);
        if (evaluation.purpose !== "validation") {
          terminal.line(`  ${protocolText(experiment, description, evaluation)}`);
        }
        return;
      }
      case "waiting": {
        if (performance.now() - waitingPrintedMs < LINE_MS) return;
        waitingPrintedMs = performance.now();
        terminal.line(waitingText(event));
        return;
      }
      default: {
        const text = describeEvent(event);
        if (text !== null) terminal.line(text);
      }
    }
  };
}

function withoutType<E extends CoordinatorEvent>(event: E): Omit<E, "type"> {
  const { type: _type, ...rest } = event;
  return rest;
}

/** The line of a step: where the run is, how well it does, how fast, and how long it will take. */
function createProgress(experiment: Experiment, startStep: number): (event: StepEvent) => string {
  const smooth = new Map<string, number>();
  const smoothed = (name: string, value: number): number => {
    const before = smooth.get(name);
    const after = before === undefined ? value : before + SMOOTHING * (value - before);
    smooth.set(name, after);
    return after;
  };
  return (event) => {
    const stepMs = smoothed("stepMs", event.stepMs);
    const done = (event.step - startStep) / Math.max(1, event.steps - startStep);
    const bar = "#".repeat(Math.round(20 * done)).padEnd(20, "-");
    const parts = [
      `step ${count(event.step)}/${count(event.steps)} [${bar}]`,
      `loss ${smoothed("loss", event.stats.loss!).toFixed(3)}`,
    ];
    const accuracy = event.stats.accuracy;
    if (accuracy !== undefined) parts.push(`accuracy ${(100 * smoothed("accuracy", accuracy)).toFixed(1)} %`);
    parts.push(
      `${((1000 * experiment.metaBatch) / stepMs).toFixed(0)} tasks/s`,
      `${event.workersReady} worker${event.workersReady === 1 ? "" : "s"}`,
      `${duration(stepMs * (event.steps - event.step))} left`,
    );
    return parts.join("  ");
  };
}

export function waitingText(event: Extract<CoordinatorEvent, { type: "waiting" }>): string {
  const preparing = event.preparing.length === 0 ? "" : `, ${event.preparing.join(" and ")} preparing`;
  return (
    `waiting for ${event.workersMin} worker${event.workersMin === 1 ? "" : "s"}: ` +
    `${event.ready.length} ready${preparing}; for another ${duration(event.remainingMs)}`
  );
}

/** One line for people, or null for what only programs need. */
export function describeEvent(
  event: Exclude<CoordinatorEvent, { type: "step" | "evaluation" | "waiting" | "done" }>,
): string | null {
  switch (event.type) {
    case "worker-ready":
      return `${event.worker} is ready: ${event.slots} thread${event.slots === 1 ? "" : "s"} on ${event.device}; ${event.workersReady} ready`;
    case "worker-slots":
      return `${event.worker} has ${event.slots} thread${event.slots === 1 ? "" : "s"} now, not ${event.before}`;
    case "worker-dismissed":
      return `${event.worker} is told to leave (${event.reason})`;
    case "worker-draining":
      return (
        `${event.worker} is leaving (${event.reason}): ${blocksText(event.blocksReturned)} to others, ` +
        `it finishes ${event.blocksKept}`
      );
    case "worker-left": {
      const back = event.blocksReturned === 0 ? "" : `, ${blocksText(event.blocksReturned)} to others`;
      return `${event.worker} left (${event.reason})${back}; ${event.workersReady} ready`;
    }
    case "worker-refused":
      return `${event.worker} was refused: ${event.message} (${event.code})`;
    case "lease-late":
      return `${event.worker} is late with ${event.tasks} (${duration(event.leaseMs)}); others take it over`;
    case "block-failed":
      return `${event.tasks} failed on ${event.worker} (${event.failures} of ${event.failuresMax}): ${event.reason}`;
    case "result-mismatch":
      return (
        `${event.workers.join(" and ")} computed ${event.tasks} to different bits (${count(event.floatsDifferent)} floats): ` +
        "other kinds of device, or broken hardware"
      );
    case "paused":
      return `paused by ${event.owner}: ${event.reason}`;
    case "was-away":
      return `this process did not run for ${duration(event.ms)}: it was stopped, or its machine was; every deadline is moved by that`;
    case "resumed":
      return `resumed after ${duration(event.pausedMs)}`;
    case "connection-refused": {
      const { peer, reason, unreported } = event.refused;
      const more = unreported === 0 ? "" : ` (and ${count(unreported)} others since the last such line)`;
      return `a connection from ${peer} was refused: ${reason}${more}`;
    }
    case "endpoint-failed":
      return `${event.endpoint} failed, which is a bug: ${event.message}`;
    case "checkpoint-failed":
      return `the checkpoint of step ${count(event.step)} could not be saved: ${event.message}`;
    case "disk-full":
      return `the disk is full: ${event.what} cannot be written (${event.message}); make room: the run waits for another ${duration(event.remainingMs)}`;
    case "disk-has-room":
      return `there is room on the disk again; the run goes on after ${duration(event.waitedMs)}`;
    case "checkpoint-saved":
    case "listening":
    case "connection-lost":
    case "worker-joined":
    case "waiting-over":
    case "round-started":
    case "result-unused":
      return null;
  }
}

function blocksText(blocks: number): string {
  return blocks === 1 ? "1 block goes" : `${blocks} blocks go`;
}

/** What the last object of `--json` and summary.json say of the test. */
export function doneSummary(
  experiment: Experiment,
  evaluations: readonly Evaluation[],
): Record<string, unknown> {
  const test = evaluations.findLast(({ purpose }) => purpose === "test-after" || purpose === "evaluate");
  return test === undefined ? {} : { test: summarize(experiment, test) };
}
