import { z } from "zod";
import { ShoalError } from "../outer/shoal-error.ts";
import { defineAlgorithm } from "./algorithm.ts";
import {
  checkInnerLoop,
  describeInnerLoop,
  innerLoopAlgorithm,
  innerLoopDefaults,
  innerLoopFields,
  innerLoopNames,
} from "./inner-loop.ts";

/**
 * ANIL (almost no inner loop): MAML whose inner loop adapts the head alone.
 *
 * The features of the support set are the same at every inner step, so they are computed once per task.
 *
 * @see Raghu et al. 2020, https://arxiv.org/abs/1909.09157
 */
export const anil = defineAlgorithm({
  name: "anil",
  schema: z.strictObject({ type: z.literal("anil"), ...innerLoopFields }),
  defaults: innerLoopDefaults,
  inherited: innerLoopNames,
  describe: (config) => `ANIL (the head alone adapts), ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create(config, context) {
    const params = context.model.params.map((param) => ({
      ...param,
      adapted: param.adapted && param.part === "head",
    }));
    if (!params.some(({ adapted }) => adapted)) {
      throw new ShoalError(
        "E_EXPERIMENT",
        'algorithm: anil adapts the head, and the model declares none; mark its parameters with part: "head"',
      );
    }
    return innerLoopAlgorithm(config, context, params, () => ({ rate: config.innerRate, order: 2 }));
  },
});
