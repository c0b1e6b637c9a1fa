import { fileURLToPath, pathToFileURL } from "node:url";
import type { TaskSource } from "@shoal/core";

/** A tiny experiment for this package's tests: lines y = a x, learned by a small network. */
export const lineExperiment = {
  name: "lines",
  seed: 5,
  dataset: { source: "sinusoid", shots: 4, queries: 6, evaluationQueries: 6 },
  model: { type: "mlp", hidden: [8] },
  algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.05, lossReduction: "mean" },
  outer: { type: "sgd", rate: 0.01 },
  clip: null,
  metaBatch: 8,
  tasksPerLeaf: 1,
  steps: 2,
  evaluation: { every: 0, validationTasks: 4, testTasks: 8, innerSteps: 3 },
} as const;

const moduleFile = fileURLToPath(new URL("../test-fixtures/line-source.mjs", import.meta.url));

export const programOptions = {
  devices: [{ name: "cpu", threads: 1 }],
  taskSourceModule: pathToFileURL(moduleFile).href,
  taskSourceOptions: {},
  experiment: lineExperiment,
  graphCache: null,
} as const;

export async function lineSource(): Promise<TaskSource> {
  const module = (await import(programOptions.taskSourceModule)) as {
    openTaskSource(experiment: unknown, options: unknown): Promise<TaskSource>;
  };
  return module.openTaskSource(lineExperiment, {});
}
