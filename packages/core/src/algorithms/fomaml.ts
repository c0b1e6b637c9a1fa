import { z } from "zod";
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
 * First-order MAML: the gradients of the inner loop count as constants, so the meta-gradient is the query
 * loss's gradient at the adapted parameters. The same as `maml` of order 1.
 *
 * @see Finn et al. 2017, section 5.2; Nichol et al. 2018, section 4, https://arxiv.org/abs/1803.02999
 */
export const fomaml = defineAlgorithm({
  name: "fomaml",
  schema: z.strictObject({ type: z.literal("fomaml"), ...innerLoopFields }),
  defaults: innerLoopDefaults,
  inherited: innerLoopNames,
  describe: (config) => `first-order MAML, ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create: (config, context) =>
    innerLoopAlgorithm(config, context, context.model.params, () => ({
      rate: config.innerRate,
      order: 1,
    })),
});
