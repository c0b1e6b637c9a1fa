import type { Graph } from "../graph.ts";
import { GraphError } from "../graph-error.ts";
import { sizeOf } from "../node.ts";
import { lower } from "../passes/lower.ts";
import { encodeOnnx, type OnnxTensor } from "./onnx-format.ts";
import { toOnnx } from "./to-onnx.ts";

export interface OnnxExportOptions {
  /** In the order of the graph's inputs. One with values is part of the model, as an initializer. */
  readonly inputs: readonly { readonly name: string; readonly values?: Float32Array }[];
  /** In the order of the graph's outputs. */
  readonly outputs: readonly string[];
  /** Texts that the file carries along: `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes a graph as an ONNX model that stands alone: operators of the domain `ai.onnx` only, operator set 18,
 * fixed shapes.
 *
 * @throws {GraphError} E_SHAPE if the names or values do not fit the graph
 */
export function exportOnnx(graph: Graph, { inputs, outputs, metadata }: OnnxExportOptions): Uint8Array {
  if (inputs.length !== graph.inputs.length || outputs.length !== graph.outputs.length) {
    throw new GraphError(
      "E_SHAPE",
      `exportOnnx: expected ${graph.inputs.length} inputs and ${graph.outputs.length} outputs, ` +
        `got names of ${inputs.length} and ${outputs.length}`,
    );
  }
  const plain = toOnnx(lower(graph));
  const renamed = new Map<string, string>([
    ...inputs.map(({ name }, k) => [`input_${k}`, name] as const),
    ...outputs.map((name, k) => [`output_${k}`, name] as const),
  ]);
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  const used = new Set(plain.nodes.flatMap((node) => node.inputs));
  const constants = inputs.flatMap(({ name, values }, k): OnnxTensor[] => {
    // What only training reads is left out.
    if (values === undefined || !used.has(`input_${k}`)) return [];
    const { dims, dataType } = plain.inputs[k]!;
    if (values.length !== sizeOf(dims)) {
      throw new GraphError("E_SHAPE", `exportOnnx: ${name}: expected [${dims}], got ${values.length} values`);
    }
    return [{ name, dataType, dims, rawData: bytesOf(values) }];
  });
  return encodeOnnx({
    nodes: plain.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(nameOf),
      output: nameOf(node.output),
    })),
    initializers: [...constants, ...plain.initializers],
    inputs: plain.inputs.flatMap((value, k) =>
      inputs[k]!.values === undefined ? [{ ...value, name: nameOf(value.name) }] : [],
    ),
    outputs: plain.outputs.map((value) => ({ ...value, name: nameOf(value.name) })),
    metadata,
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
