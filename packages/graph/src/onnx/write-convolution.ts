import { GraphError } from "../graph-error.ts";
import type { Node, NodeOf } from "../node.ts";
import { padsOf } from "../passes/block-convolutions.ts";
import { NCHWC, type OnnxNode } from "./onnx-format.ts";
import type { Writer } from "./to-onnx.ts";

/** Writes a convolution that lowering has left: in blocks of channels where they are whole, else in planes. */
export function writeConvolution(
  writer: Writer,
  blockSize: number,
  node: NodeOf<"conv">,
  operands: readonly [string, string],
  output: string,
): void {
  const { size, strides, dilations } = node.attributes.window;
  const [image] = node.inputs as [Node, Node];
  const pads = padsOf(node.attributes.window, image.shape, node.shape);
  if (pads === null)
    throw new GraphError("E_DEVICE", "onnx: a convolution that no padding gives must be lowered before");
  const attributes = { kernel_shape: size, strides, dilations, pads, group: 1 };
  const write = image.shape.at(-1)! % blockSize === 0 ? writeInBlocks : writeInPlanes;
  write(writer, blockSize, node, operands, output, attributes);
}

type Attributes = NonNullable<OnnxNode["attributes"]>;

/**
 * ONNX Runtime's direct convolution, which its own optimizer uses for constant filters.
 *
 * With blocks of B channels an image is `[N, C / B, H, W, B]` and a filter `[O / B, C / B, height, width, B, B]`,
 * input channel before output channel. The operators say those shapes as if nothing were in blocks.
 * `ReorderInput` and `ReorderOutput` bring `[N, H, W, C]` into that order and back.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/graph/contrib_ops/nchwc_schema_defs.cc
 */
function writeInBlocks(
  writer: Writer,
  blockSize: number,
  node: NodeOf<"conv">,
  [x, filter]: readonly [string, string],
  output: string,
  attributes: Attributes,
): void {
  const kernel = node.inputs[1]!;
  const blocks = writer.once(`${x}_blocks`, () => {
    writer.nodes.push({
      opType: "ReorderInput",
      domain: NCHWC,
      inputs: [x],
      output: `${x}_blocks`,
      attributes: { channels_last: 1 },
    });
  });
  const operands = [blocks, writeFilter(writer, blockSize, kernel, filter)];
  // A convolution that reads this one's result finds it in blocks already.
  const result = writer.once(`${output}_blocks`, () => {
    writer.nodes.push({
      opType: "Conv",
      domain: NCHWC,
      inputs: operands,
      output: `${output}_blocks`,
      attributes,
    });
  });
  writer.nodes.push({
    opType: "ReorderOutput",
    domain: NCHWC,
    inputs: [result],
    output,
    attributes: { channels: kernel.shape.at(-1)!, channels_last: 1 },
  });
}

/** ONNX's own convolution: images `[N, C, H, W]`, filters `[O, C, height, width]`. */
function writeInPlanes(
  writer: Writer,
  _blockSize: number,
  _node: NodeOf<"conv">,
  [x, filter]: readonly [string, string],
  output: string,
  attributes: Attributes,
): void {
  const transposed = (input: string, perm: readonly number[]): string =>
    writer.once(`${input}_planes`, () => {
      writer.nodes.push({
        opType: "Transpose",
        inputs: [input],
        output: `${input}_planes`,
        attributes: { perm },
      });
    });
  const operands = [transposed(x, [0, 3, 1, 2]), transposed(filter, [3, 2, 0, 1])];
  const result = writer.once(`${output}_planes`, () => {
    writer.nodes.push({ opType: "Conv", inputs: operands, output: `${output}_planes`, attributes });
  });
  writer.nodes.push({
    opType: "Transpose",
    inputs: [result],
    output,
    attributes: { perm: [0, 2, 3, 1] },
  });
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
