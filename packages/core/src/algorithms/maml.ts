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
 * MAML: the initialization from which gradient descent on the support set gives the lowest query loss.
 *
 * @see Finn et al. 2017, https://arxiv.org/abs/1703.03400
 */
export const maml = defineAlgorithm({
  name: "maml",
  schema: z.strictObject({
    type: z.literal("maml"),
    /** 2: through the inner loop. 1: first-order MAML. */
    order: z.union([z.literal(1), z.literal(2)]),
    ...innerLoopFields,
  }),
  defaults: { order: 2, ...innerLoopDefaults },
  inherited: innerLoopNames,
  describe: (config) => `${config.order === 2 ? "MAML" : "first-order MAML"}, ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create: (config, context) =>
    innerLoopAlgorithm(config, context, context.model.params, () => ({
      rate: config.innerRate,
      order: config.order,
    })),
});
