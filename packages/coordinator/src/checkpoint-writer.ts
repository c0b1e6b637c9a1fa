import type { Clock } from "@shoal/protocol";
import type { Checkpoint } from "./checkpoint.ts";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import type { FullDisk } from "./full-disk.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface CheckpointWriterOptions {
  /** null: nothing is saved. */
  readonly runDirectory: RunDirectory | null;
  /** The step that is saved already. */
  readonly startStep: number;
  readonly clock: Clock;
  /** When the next checkpoint is due; whichever comes first. */
  readonly everySteps: number;
  readonly everyMs: number;
  readonly fullDisk: FullDisk;
  /** Awaited before every save. */
  readonly beforeSave: () => Promise<void> | undefined;
  /** Told after every save the step of the oldest checkpoint that is kept. */
  readonly onSaved: (oldestStep: number) => Promise<void> | undefined;
  readonly onEvent: (event: CoordinatorEvent) => void;
  readonly onFailure: (message: string) => void;
}

/** Saves checkpoints in the background, one after the other. */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  #saving: Promise<void> = Promise.resolve();
  #failure: string | null = null;
  #savedStep: number;
  #savedMs: number;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#savedStep = options.startStep;
    this.#savedMs = options.clock.nowMs();
  }

  /** The last step whose checkpoint is written, or on its way. */
  get savedStep(): number {
    return this.#savedStep;
  }

  isDue(step: number, nowMs: number): boolean {
    const { everySteps, everyMs } = this.#options;
    return step - this.#savedStep >= everySteps || nowMs - this.#savedMs >= everyMs;
  }

  /** @param checkpoint its arrays must not be changed any more */
  save(checkpoint: Checkpoint): void {
    const { runDirectory, clock, fullDisk, beforeSave, onSaved, onEvent, onFailure } = this.#options;
    if (runDirectory === null) return;
    const { step } = checkpoint;
    this.#savedStep = step;
    this.#savedMs = clock.nowMs();
    this.#saving = this.#saving.then(async () => {
      const started = clock.nowMs();
      try {
        const { oldestStep, ...saved } = await fullDisk.retry(`the checkpoint of step ${step}`, async () => {
          await beforeSave();
          return runDirectory.save(checkpoint);
        });
        onEvent({ type: "checkpoint-saved", step, ...saved, ms: clock.nowMs() - started });
        await onSaved(oldestStep);
      } catch (error) {
        const { message } = error as Error;
        this.#failure = message;
        onEvent({ type: "checkpoint-failed", step, message });
        onFailure(message);
      }
    });
  }

  /** Waits for all that was begun. @returns why the last save failed, or null */
  async settle(): Promise<string | null> {
    await this.#saving;
    return this.#failure;
  }
}
