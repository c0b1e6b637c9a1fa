import { z } from "zod";
import type { ParamSpec } from "../model.ts";
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
 * Meta-SGD: MAML that learns a rate for every element of every adapted parameter, besides where to start.
 *
 *     theta' = theta - rate * grad        (element by element; rates may become negative)
 *
 * The rates start at `innerRate`; the authors draw them from [0.005, 0.1].
 *
 * @see Li et al. 2017, https://arxiv.org/abs/1707.09835
 */
export const metaSgd = defineAlgorithm({
  name: "meta-sgd",
  schema: z.strictObject({ type: z.literal("meta-sgd"), ...innerLoopFields }),
  defaults: innerLoopDefaults,
  inherited: innerLoopNames,
  describe: (config) => `Meta-SGD (a learned rate for every element), at first ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create(config, context) {
    const { params } = context.model;
    const rates = params.flatMap(({ name, shape, adapted }): ParamSpec[] =>
      adapted
        ? [
            {
              name: rateOf(name),
              shape,
              initial: { type: "constant", value: config.innerRate },
              adapted: false,
            },
          ]
        : [],
    );
    return innerLoopAlgorithm(config, context, [...params, ...rates], (meta) => ({
      rate: (name) => meta[rateOf(name)]!,
      order: 2,
    }));
  },
});

function rateOf(param: string): string {
  return `rate.${param}`;
}
