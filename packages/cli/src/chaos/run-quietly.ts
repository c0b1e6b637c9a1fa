import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { Child, type ChildEvent } from "./child.ts";

export interface QuietOptions {
  /** Of the run, and beside it of its log. */
  readonly directory: string;
  /** Of `shoal train`, without the run directory. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly onStep: (step: number, steps: number) => void;
}

export interface QuietRun {
  readonly paramsHash: string;
  readonly ms: number;
  /** Mean time of a step over the second half of the run, in ms. */
  readonly stepMs: number;
}

/**
 * Runs an experiment with nobody in its way, as a process of its own.
 *
 * @throws {ShoalError} E_CHAOS if it fails, E_INTERRUPTED if `signal` was aborted
 */
export async function runQuietly({ directory, args, signal, onStep }: QuietOptions): Promise<QuietRun> {
  mkdirSync(directory, { recursive: true });
  const stepsMs: number[] = [];
  let done: ChildEvent | null = null;
  let ended = "";
  const child = new Child({
    args: ["train", "--run-dir", join(directory, "run"), ...args, "--json"],
    environment: process.env,
    log: join(directory, "train.log"),
    onEvent: (event) => {
      if (event.event === "done") done = event;
      if (event.event !== "step") return;
      stepsMs.push(Number(event.stepMs));
      onStep(Number(event.step), Number(event.steps));
    },
    onEnd: (how) => {
      ended = how;
    },
  });
  const stop = (): void => child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  await child.ended;
  signal.removeEventListener("abort", stop);
  if (signal.aborted) throw new ShoalError("E_INTERRUPTED", "stopped by its user");
  const { outcome, paramsHash, seconds } = done ?? ({} as ChildEvent);
  if (outcome !== "complete") {
    throw new ShoalError("E_CHAOS", `the quiet run ended with ${ended}: ${child.lastWords}`);
  }
  const half = stepsMs.slice(stepsMs.length >> 1);
  return {
    paramsHash: String(paramsHash),
    ms: 1000 * Number(seconds),
    stepMs: half.reduce((sum, ms) => sum + ms, 0) / Math.max(1, half.length),
  };
}
