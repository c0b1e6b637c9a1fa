import { RunDirectory } from "@shoal/coordinator";
import { initialParams, modelLayout, presets } from "@shoal/core";
import { createOuterOptimizer } from "@shoal/core/outer";
import { openTaskSource } from "@shoal/datasets";

/** Writes a run of the sinusoid preset that has committed `step` steps, with initial parameters. */
export async function saveSinusoidRun(path: string, step: number): Promise<void> {
  const { experiment } = presets.find(({ name }) => name === "sinusoid")!;
  const source = await openTaskSource(experiment.dataset, { seed: experiment.seed, cacheDir: path });
  const layout = modelLayout(experiment, source);
  const directory = await RunDirectory.open(path, { resume: false, runId: "test" });
  await directory.writeExperiment(experiment);
  await directory.save({
    runId: directory.runId,
    step,
    params: initialParams(experiment, source),
    optimizer: { ...createOuterOptimizer(experiment, layout).init(layout.size), step },
    layout,
    dataHash: source.dataHash,
    experiment,
  });
  await directory.close();
}
