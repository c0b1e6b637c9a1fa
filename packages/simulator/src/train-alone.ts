import type { TrainPlan } from "@shoal/coordinator";
import { applyUpdate } from "@shoal/core/outer";
import { computeMadeUp, initialParams, layout, statNames } from "./made-up-work.ts";

/**
 * The made-up training as a plain loop, without coordinator, workers or rounds.
 *
 * @returns the parameters of version 0, 1, ... `plan.steps`
 */
export function trainAlone(plan: TrainPlan): readonly Float32Array[] {
  const { metaBatch, tasksPerLeaf, steps, outer } = plan;
  const versions: Float32Array[] = [initialParams];
  let params: Float32Array = initialParams;
  let optimizer = outer.init(layout.size);
  for (let version = 0; version < steps; version++) {
    const episodes = Int32Array.from({ length: metaBatch }, (_, task) => version * metaBatch + task);
    const leafCount = metaBatch / tasksPerLeaf;
    const body = computeMadeUp(params, { kind: "train", split: "train", episodes, leafCount });
    const mean = body.subarray(metaBatch * statNames.train.length).map((sum) => sum / metaBatch);
    const stepped = outer.update(mean, optimizer);
    params = applyUpdate(params, stepped.update);
    optimizer = stepped.state;
    versions.push(params);
  }
  return versions;
}
