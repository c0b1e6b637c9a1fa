import { backend_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph-builder.ts";
import type { Node } from "../node.ts";
import { keepAxes } from "../shape.ts";
import {
  type KernelAttributes,
  type KernelInputs,
  type Lowerings,
  refused,
  taking,
  wrap,
} from "./lowering.ts";

/** The non-linear functions of layers. */
export const activationKernels: Lowerings = taking(["float32"], {
  Sigmoid: (b, { x }) => b.unary("sigmoid", x!),
  Relu: (b, { x }) => b.unary("relu", x!),
  Relu6: (b, { x }) => relu6(b, x!),
  LeakyRelu: (b, { x }, { alpha }) => leakyRelu(b, x!, b.splat(alpha)),
  Prelu: (b, { x, alpha }) => leakyRelu(b, x!, alpha!),
  Elu: (b, { x }) => elu(b, x!),
  Selu: (b, { x }) => {
    const scaled = b.binary("mul", x!, b.splat(backend_util.SELU_SCALE));
    const bent = b.binary("mul", expm1OfNegative(b, x!), b.splat(backend_util.SELU_SCALEALPHA));
    return b.select(b.compare("less", x!, b.splat(0)), bent, scaled);
  },
  Step: (b, { x }, { alpha }) => b.select(b.compare("less", b.splat(0), x!), b.splat(1), b.splat(alpha)),
  // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which does not overflow
  Softplus: (b, { x }) => {
    const decay = b.unary("exp", b.unary("neg", b.unary("abs", x!)));
    return b.binary("add", b.unary("relu", x!), b.unary("log1p", decay));
  },
  // softmax(x) = e^(x - max) / sum
  Softmax: (b, { logits }, { dim }) => {
    const axis = wrap(dim, logits!.shape.length);
    const powers = b.unary("exp", shifted(b, logits!, axis));
    return b.binary("div", powers, sumAlong(b, powers, axis));
  },
});

/** What a fused kernel does behind its product: adds the bias, applies the activation. */
export function activated(
  b: GraphBuilder,
  product: Node,
  { bias, preluActivationWeights }: KernelInputs,
  { activation, leakyreluAlpha }: KernelAttributes,
): Node {
  const x = bias === undefined ? product : b.binary("add", product, bias);
  switch (activation ?? "linear") {
    case "linear":
      return x;
    case "relu":
      return b.unary("relu", x);
    case "relu6":
      return relu6(b, x);
    case "elu":
      return elu(b, x);
    case "sigmoid":
      return b.unary("sigmoid", x);
    case "leakyrelu":
      return leakyRelu(b, x, b.splat(leakyreluAlpha ?? 0.2));
    case "prelu":
      return leakyRelu(b, x, preluActivationWeights!);
    default:
      throw refused(`a fused op with activation ${activation}`, "apply the activation to its result");
  }
}

function relu6(b: GraphBuilder, x: Node): Node {
  return b.binary("min", b.unary("relu", x), b.splat(6));
}

function leakyRelu(b: GraphBuilder, x: Node, slope: Node): Node {
  return b.select(b.compare("less", b.splat(0), x), x, b.binary("mul", x, slope));
}

/** x where x >= 0, otherwise e^x - 1. */
function elu(b: GraphBuilder, x: Node): Node {
  return b.select(b.compare("less", x, b.splat(0)), expm1OfNegative(b, x), x);
}

/** e^min(x, 0) - 1: the branch that is not chosen must not overflow, lest its gradient is 0 times infinity. */
function expm1OfNegative(b: GraphBuilder, x: Node): Node {
  return b.unary("expm1", b.binary("min", x, b.splat(0)));
}

/** `x` minus its maximum along `axis`; the shift carries no gradient, because it cancels. */
function shifted(b: GraphBuilder, x: Node, axis: number): Node {
  const peak = b.reshape(b.reduceMax(x, [axis]), keepAxes(x.shape, [axis]));
  return b.binary("sub", x, b.stopGradient(peak));
}

function sumAlong(b: GraphBuilder, x: Node, axis: number): Node {
  return b.reshape(b.reduceSum(x, [axis]), keepAxes(x.shape, [axis]));
}
