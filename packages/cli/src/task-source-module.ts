import { parseExperiment, type TaskSource } from "@shoal/core";
import { openTaskSource as open } from "@shoal/datasets";

/** The options of `openTaskSource` that may cross to a worker's thread: plain data. */
export interface TaskSourceOptions {
  readonly dataDir?: string;
  readonly cacheDir: string;
  readonly download: boolean;
}

/**
 * The module that a worker's episode thread loads: from an experiment to its source of tasks. It stands
 * here because `worker` knows no data set and `datasets` no worker.
 */
export function openTaskSource(experiment: unknown, options: TaskSourceOptions): Promise<TaskSource> {
  const { dataset, seed, tasksPerLeaf } = parseExperiment(experiment);
  return open(dataset, { seed, tasksPerLeaf, ...options });
}
