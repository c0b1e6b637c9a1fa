import type * as tf from "@tensorflow/tfjs-core";
import type { Adapted, TaskExamples } from "./algorithms/algorithm.ts";
import type { ApplyOptions, NormStatistics } from "./model.ts";

/** The outputs for `x`, with batch norm by the support set's statistics: no query says anything of another. */
export function predictInductively(learner: Adapted, support: TaskExamples, x: tf.Tensor): tf.Tensor {
  const ofSupport = new Map<string, NormStatistics>();
  const keep: ApplyOptions["statistics"] = (layer, batch) => {
    ofSupport.set(layer, batch);
    return batch;
  };
  learner.predict(support.x, { statistics: keep });
  return learner.predict(x, { statistics: (layer) => ofSupport.get(layer)! });
}
