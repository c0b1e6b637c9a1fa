import { randomOps, refusals } from "../kernels/refused.ts";
import { kernelFamilies } from "../kernels.ts";

/** `docs/ops.md`: what a captured function may call, as the tables of kernels have it. */
export function listOps(): string {
  const families = Object.entries(kernelFamilies).map(
    ([family, kernels]) => `| ${family} | ${Object.keys(kernels).sort().map(code).join(" ")} |`,
  );
  const reasons = refusals.map(({ kernels, reason }) => `| ${kernels.map(code).join(" ")} | ${reason} |`);
  return `${[
    "# Ops in captured functions",
    "",
    "Models, losses and adaptation are written with TensorFlow.js ops, which `capture` turns into a static graph.",
    "An op calls kernels; this page lists all kernels that TensorFlow.js 4.22 registers for its `cpu` backend. A test",
    "keeps it up to date (`npx vitest run --project unit packages/graph/src/kernels.test.ts -u` writes it), and checks",
    "for every captured kernel its value against TensorFlow.js, its first and second gradient against central",
    "differences, `vmap`, and each executor.",
    "",
    "## Captured",
    "",
    "Ops that are written with these work too: `conv1d`, `separableConv2d`, `conv2dTranspose`, `pool`, `moments`,",
    "`batchNorm`, `norm`, `logSumExp`, `logSigmoid`, `logicalXor`, `broadcastTo`, `dot`, `basicLSTMCell`, `tf.losses`,",
    "and gelu, swish, mish or softsign written out.",
    "",
    "| Family | Kernels |",
    "| --- | --- |",
    ...families,
    "",
    "- Tensors are float32, int32 or bool; images are NHWC. Sums, products and comparisons take int32 too; functions",
    "  such as `exp` take float32 alone, where TensorFlow.js would cut their results to whole numbers, and arithmetic on",
    "  bool is refused. The error says to cast with `tf.cast`.",
    "- Reading a value (`dataSync`, `array`, `print`, and ops that do so inside, such as `booleanMaskAsync`) is an",
    "  error: a static graph has no values while it is captured. Choose with `tf.where`.",
    "- Ties: `max` shares its gradient among equal maxima, `maximum` gives it to its first argument, `maxPool` to the",
    "  first maximum of a window. Where a function has a kink, TensorFlow.js's own choice holds: relu and leakyRelu",
    "  take their slope left of 0 at 0, elu and selu the one on the right.",
    "- Rounding, comparisons, `step` and `sign` have gradient 0. `floorDiv` and `mod` of int32 are exact below 2^24.",
    "- `einsum` takes one or two operands, no letter twice in an operand; contract more operands pair by pair.",
    "- An index outside of a tensor is undefined in `gather` and `scatterND`; in `unsortedSegmentSum` it adds to none.",
    "",
    "## Random numbers",
    "",
    `${[...randomOps].map((op) => code(op)).join(", ")} and`,
    "`multinomial` are refused, with a seed or without: a static graph would repeat one draw at every run. Draw where",
    "the data is made and pass the numbers as an argument: a dropout mask, say, is an input of the graph.",
    "Tensors made from JavaScript's own random numbers (`tf.tensor(values)`) cannot be told from constants: they",
    "enter the graph as one draw.",
    "",
    "## Refused",
    "",
    "Capture throws a `GraphError` with the code `E_CAPTURE` that names the kernel and says this:",
    "",
    "| Kernels | What to do |",
    "| --- | --- |",
    ...reasons,
  ].join("\n")}\n`;
}

function code(name: string): string {
  return `\`${name}\``;
}
