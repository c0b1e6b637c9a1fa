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
 * BOIL (body only update in inner loop): MAML whose inner loop adapts all but the head.
 *
 * @see Oh et al. 2021, https://arxiv.org/abs/2008.08882
 */
export const boil = defineAlgorithm({
  name: "boil",
  schema: z.strictObject({ type: z.literal("boil"), ...innerLoopFields }),
  defaults: innerLoopDefaults,
  inherited: innerLoopNames,
  describe: (config) => `BOIL (the body alone adapts), ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create(config, context) {
    const params = context.model.params.map((param) => ({
      ...param,
      adapted: param.adapted && param.part !== "head",
    }));
    if (!params.some(({ adapted }) => adapted)) {
      throw new ShoalError(
        "E_EXPERIMENT",
        "algorithm: boil adapts the body, and the model is its head alone; give it hidden layers",
      );
    }
    return innerLoopAlgorithm(config, context, params, () => ({ rate: config.innerRate, order: 2 }));
  },
});
