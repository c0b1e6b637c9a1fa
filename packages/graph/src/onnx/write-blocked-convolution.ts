import { GraphError } from "../graph-error.ts";
import type { Node, NodeOf } from "../node.ts";
import { padsOf } from "../passes/block-convolutions.ts";
import { NCHWC } from "./onnx-format.ts";
import type { Writer } from "./to-onnx.ts";

/**
 * Writes a convolution as ONNX Runtime's direct one, which its own optimizer uses for constant filters.
 *
 * With blocks of B channels an image is `[N, C / B, H, W, B]` and a filter `[O / B, C / B, height, width, B, B]`,
 * input channel before output channel. The operators say those shapes as if nothing were in blocks.
 * `ReorderInput` and `ReorderOutput` bring `[N, H, W, C]` into that order and back.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/graph/contrib_ops/nchwc_schema_defs.cc
 */
export function writeBlockedConvolution(
  writer: Writer,
  blockSize: number,
  node: NodeOf<"conv">,
  [x, filter]: readonly [string, string],
  output: string,
): void {
  const { size, strides, dilations } = node.attributes.window;
  const [image, kernel] = node.inputs as [Node, Node];
  const filters = kernel.shape.at(-1)!;
  const pads = padsOf(node.attributes.window, image.shape, node.shape);
  if (pads === null)
    throw new GraphError("E_DEVICE", "onnx: a convolution that no padding gives is lowered before");
  const blocks = writer.once(`${x}_blocks`, () => {
    const attributes = { channels_last: 1 };
    writer.nodes.push({
      opType: "ReorderInput",
      domain: NCHWC,
      inputs: [x],
      output: `${x}_blocks`,
      attributes,
    });
  });
  const attributes = { kernel_shape: size, strides, dilations, pads, group: 1 };
  const result = `${output}_blocks`;
  const operands = [blocks, writeFilter(writer, blockSize, kernel, filter)];
  writer.nodes.push(
    { opType: "Conv", domain: NCHWC, inputs: operands, output: result, attributes },
    {
      opType: "ReorderOutput",
      domain: NCHWC,
      inputs: [result],
      output,
      attributes: { channels: filters, channels_last: 1 },
    },
  );
}

/** The filter `[height, width, C, O]` in blocks, once for all convolutions with it. */
function writeFilter(writer: Writer, blockSize: number, { shape }: Node, filter: string): string {
  const [height, width, channels, filters] = shape as [number, number, number, number];
  const name = `${filter}_blocked`;
  return writer.once(name, () => {
    const apart = [height, width, channels / blockSize, blockSize, filters / blockSize, blockSize];
    const [split, ordered] = [`${name}_split`, `${name}_ordered`];
    writer.nodes.push(
      { opType: "Reshape", inputs: [filter, writer.integers(apart)], output: split },
      { opType: "Transpose", inputs: [split], output: ordered, attributes: { perm: [4, 2, 0, 1, 3, 5] } },
      {
        opType: "Reshape",
        inputs: [ordered, writer.integers([filters, channels, height, width])],
        output: name,
      },
    );
  });
}
