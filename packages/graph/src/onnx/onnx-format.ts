import protobuf from "protobufjs/light.js";
import type { Dtype, Shape } from "../node.ts";

/** ONNX operator set that the lowering is written for. */
const OPSET = 18;
const IR_VERSION = 8;

/** ONNX Runtime's operators on channels in blocks. */
export const NCHWC = "com.microsoft.nchwc";

/** `TensorProto.DataType` of each dtype. */
export const onnxTypeOf: { readonly [D in Dtype | "int64"]: number } = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
};

export interface OnnxTensor {
  readonly name: string;
  readonly dataType: number;
  readonly dims: Shape;
  /** Little-endian values. */
  readonly rawData: Uint8Array;
}

export interface OnnxNode {
  readonly opType: string;
  /** Default: ONNX's own operators. */
  readonly domain?: typeof NCHWC;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Integers, lists of integers and strings are all the attributes that the lowering uses. */
  readonly attributes?: { readonly [name: string]: number | readonly number[] | string };
}

export interface OnnxValue {
  readonly name: string;
  readonly dataType: number;
  readonly dims: Shape;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Texts that the model carries along. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Serializes a graph as an ONNX model. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  return Model.encode({
    irVersion: IR_VERSION,
    producerName: "shoal",
    opsetImport: [
      { domain: "", version: OPSET },
      ...(graph.nodes.some(({ domain }) => domain === NCHWC) ? [{ domain: NCHWC, version: 1 }] : []),
    ],
    graph: {
      name: "shoal",
      node: graph.nodes.map(({ opType, domain, inputs, output, attributes }) => ({
        opType,
        ...(domain === undefined ? {} : { domain }),
        input: inputs,
        output: [output],
        attribute: Object.entries(attributes ?? {}).map(([name, value]) => encodeAttribute(name, value)),
      })),
      initializer: graph.initializers,
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
    },
    metadataProps: Object.entries(graph.metadata ?? {}).map(([key, value]) => ({ key, value })),
  } as never).finish();
}

/** `AttributeProto.AttributeType`. */
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

function encodeAttribute(name: string, value: number | readonly number[] | string) {
  if (typeof value === "number") return { name, i: value, type: ATTRIBUTE_INT };
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: ATTRIBUTE_STRING };
  return { name, ints: value, type: ATTRIBUTE_INTS };
}

function encodeValue({ name, dataType, dims }: OnnxValue) {
  const shape = { dim: dims.map((side) => ({ dimValue: side })) };
  return { name, type: { tensorType: { elemType: dataType, shape } } };
}

/** The part of onnx.proto that is written, by field number. */
const Model = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: { type: "int64", id: 1 },
        producerName: { type: "string", id: 2 },
        graph: { type: "Graph", id: 7 },
        opsetImport: { rule: "repeated", type: "OperatorSet", id: 8 },
        metadataProps: { rule: "repeated", type: "Entry", id: 14 },
      },
    },
    OperatorSet: { fields: { domain: { type: "string", id: 1 }, version: { type: "int64", id: 2 } } },
    Entry: { fields: { key: { type: "string", id: 1 }, value: { type: "string", id: 2 } } },
    Graph: {
      fields: {
        node: { rule: "repeated", type: "Node", id: 1 },
        name: { type: "string", id: 2 },
        initializer: { rule: "repeated", type: "Tensor", id: 5 },
        input: { rule: "repeated", type: "Value", id: 11 },
        output: { rule: "repeated", type: "Value", id: 12 },
      },
    },
    Node: {
      fields: {
        input: { rule: "repeated", type: "string", id: 1 },
        output: { rule: "repeated", type: "string", id: 2 },
        opType: { type: "string", id: 4 },
        domain: { type: "string", id: 7 },
        attribute: { rule: "repeated", type: "Attribute", id: 5 },
      },
    },
    Attribute: {
      fields: {
        name: { type: "string", id: 1 },
        i: { type: "int64", id: 3 },
        s: { type: "bytes", id: 4 },
        ints: { rule: "repeated", type: "int64", id: 8 },
        type: { type: "int32", id: 20 },
      },
    },
    Tensor: {
      fields: {
        dims: { rule: "repeated", type: "int64", id: 1 },
        dataType: { type: "int32", id: 2 },
        name: { type: "string", id: 8 },
        rawData: { type: "bytes", id: 9 },
      },
    },
    Value: { fields: { name: { type: "string", id: 1 }, type: { type: "Type", id: 2 } } },
    Type: { fields: { tensorType: { type: "TensorType", id: 1 } } },
    TensorType: { fields: { elemType: { type: "int32", id: 1 }, shape: { type: "Shape", id: 2 } } },
    Shape: { fields: { dim: { rule: "repeated", type: "Dimension", id: 1 } } },
    Dimension: { fields: { dimValue: { type: "int64", id: 1 } } },
  },
}).lookupType("Model");
