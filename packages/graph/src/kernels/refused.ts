/** Why a kernel has no place in a static graph, and what to use instead. */
interface Refusal {
  readonly reason: string;
  readonly kernels: readonly string[];
}

/** What capture refuses, by reason. */
export const refusals: readonly Refusal[] = [
  {
    reason: "TensorFlow.js's gradients are not captured; take them with grad of @shoal/graph, to any order",
    kernels: [
      "AvgPool3DGrad",
      "AvgPoolGrad",
      "Conv2DBackpropFilter",
      "Conv3DBackpropFilterV2",
      "Conv3DBackpropInputV2",
      "DepthwiseConv2dNativeBackpropFilter",
      "DepthwiseConv2dNativeBackpropInput",
      "Dilation2DBackpropFilter",
      "Dilation2DBackpropInput",
      "EluGrad",
      "LRNGrad",
      "MaxPool3DGrad",
      "MaxPoolGrad",
      "ResizeBilinearGrad",
      "ResizeNearestNeighborGrad",
    ],
  },
  {
    reason: "there are no 3-D windows; fold one axis into the images and use conv2d, maxPool or avgPool",
    kernels: ["AvgPool3D", "Conv3D", "MaxPool3D"],
  },
  {
    reason: "use maxPool, which routes its gradient to the first maximum",
    kernels: ["MaxPoolWithArgmax"],
  },
  {
    reason: "morphology has no lowering; use maxPool, or minimum and maximum",
    kernels: ["Dilation2D"],
  },
  {
    reason: "its shape, or its order, depends on values; do it where the data is made, or mask with tf.where",
    kernels: [
      "NonMaxSuppressionV3",
      "NonMaxSuppressionV4",
      "NonMaxSuppressionV5",
      "SearchSorted",
      "TopK",
      "Unique",
    ],
  },
  {
    reason: "use tf.sum of tf.oneHot",
    kernels: ["Bincount", "DenseBincount"],
  },
  {
    reason: "use tf.where with a mask, or tf.scatterND",
    kernels: ["SparseToDense", "TensorScatterUpdate"],
  },
  {
    reason: "warp images where the data is made; tf.image.resizeBilinear and flipLeftRight are captured",
    kernels: ["CropAndResize", "Draw", "RotateWithOffset", "Transform"],
  },
  {
    reason: "a static graph would repeat one draw; draw where the data is made and pass it as an argument",
    kernels: ["Multinomial"],
  },
  {
    reason: "there are no complex numbers; keep real and imaginary parts as two float32 tensors",
    kernels: ["Complex", "ComplexAbs", "FFT", "IFFT", "Imag", "Real"],
  },
  {
    reason: "bits of integers have no lowering; compute them where the data is made",
    kernels: ["BitwiseAnd"],
  },
  {
    reason: "shapes are known at capture; compute them in JavaScript",
    kernels: ["BroadcastArgs"],
  },
  {
    reason: "ragged and sparse tensors have no lowering; use dense tensors with a mask",
    kernels: [
      "RaggedGather",
      "RaggedRange",
      "RaggedTensorToTensor",
      "SparseFillEmptyRows",
      "SparseReshape",
      "SparseSegmentMean",
      "SparseSegmentSum",
    ],
  },
  {
    reason: "there are no strings; prepare text where the data is made",
    kernels: ["StaticRegexReplace", "StringNGrams", "StringSplit", "StringToHashBucketFast"],
  },
];

/** From each kernel that capture refuses to the reason, which says what to use instead. */
export const refusedKernels: ReadonlyMap<string, string> = new Map(
  refusals.flatMap(({ reason, kernels }) => kernels.map((kernel) => [kernel, reason] as const)),
);

/**
 * Ops that draw random numbers in JavaScript and hand over the values, by the name of TensorFlow.js.
 * They reach no kernel; capture sees them as the op that writes values.
 */
export const randomOps: ReadonlySet<string> = new Set([
  "dropout",
  "rand",
  "randomGamma",
  "randomNormal",
  "randomStandardNormal",
  "randomUniform",
  "randomUniformInt",
  "truncatedNormal",
]);

export const randomReason =
  "a static graph would repeat one draw at every run; draw where the data is made and pass it as an argument";
