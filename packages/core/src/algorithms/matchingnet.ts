import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { crossEntropy } from "../losses.ts";
import { defineAlgorithm } from "./algorithm.ts";
import { type Compare, checkNoInnerLoop, embeddingAlgorithm } from "./embedding.ts";

/** Added to a squared length, so that an embedding of zero has a direction and a gradient. */
const EPSILON = 1e-12;

/**
 * Matching networks: a query's class probabilities are the labels of the support examples, weighted by a
 * softmax over cosine similarities. Without the full context embeddings.
 *
 *     p(y | query) = sum_i softmax_i(cos(f(query), f(x_i))) y_i
 *
 * The outputs are the logarithms of these probabilities.
 *
 * @see Vinyals et al. 2016, equation 1 and section 2.1.1, https://arxiv.org/abs/1606.04080
 */
export const matchingnet = defineAlgorithm({
  name: "matchingnet",
  schema: z.strictObject({ type: z.literal("matchingnet") }),
  defaults: {},
  inherited: [],
  companions: { evaluation: { innerSteps: 0 } },
  fitsAnyWays: true,
  describe: () => "MatchingNet (attention over the support set by cosine, without full context embeddings)",
  check: checkNoInnerLoop,
  create: (_, context) => embeddingAlgorithm("matchingnet", context, attend, crossEntropy),
});

const attend: Compare = (support, classes, queries) => {
  const cosines = tf.matMul(
    directions(queries) as tf.Tensor2D,
    directions(support) as tf.Tensor2D,
    false,
    true,
  );
  // A cosine is at least -1, so no probability is below e^-2 / n: the logarithm is safe.
  return tf.log(tf.matMul(tf.softmax(cosines) as tf.Tensor2D, classes as tf.Tensor2D));
};

function directions(embedded: tf.Tensor): tf.Tensor {
  return tf.div(embedded, tf.sqrt(tf.add(tf.sum(tf.square(embedded), 1, true), EPSILON)));
}
