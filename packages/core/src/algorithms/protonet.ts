import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { crossEntropy } from "../losses.ts";
import { defineAlgorithm } from "./algorithm.ts";
import { type Compare, checkNoInnerLoop, embeddingAlgorithm } from "./embedding.ts";

/**
 * Prototypical networks: a query belongs to the class whose prototype, the mean of the class's embedded
 * support examples, is nearest.
 *
 *     logit_k = -|| f(query) - c_k ||^2
 *
 * @see Snell et al. 2017, equations 1 and 2, https://arxiv.org/abs/1703.05175
 */
export const protonet = defineAlgorithm({
  name: "protonet",
  schema: z.strictObject({ type: z.literal("protonet") }),
  defaults: {},
  inherited: [],
  companions: { evaluation: { innerSteps: 0 } },
  fitsAnyWays: true,
  describe: () => "ProtoNet (nearest class mean of the embeddings)",
  check: checkNoInnerLoop,
  create: (_, context) => embeddingAlgorithm("protonet", context, nearestPrototype, crossEntropy),
});

const nearestPrototype: Compare = (support, classes, queries) => {
  const perClass = tf.reshape(tf.sum(classes, 0), [-1, 1]);
  const prototypes = tf.div(tf.matMul(classes as tf.Tensor2D, support as tf.Tensor2D, true), perClass);
  // -|q - c|^2 = 2 q.c - |c|^2 - |q|^2, and softmax does not see |q|^2, but a reader of the logits does.
  const products = tf.matMul(queries as tf.Tensor2D, prototypes as tf.Tensor2D, false, true);
  const lengths = tf.reshape(tf.sum(tf.square(prototypes), 1), [1, -1]);
  const ownLengths = tf.sum(tf.square(queries), 1, true);
  return tf.sub(tf.sub(tf.mul(2, products), lengths), ownLengths);
};
