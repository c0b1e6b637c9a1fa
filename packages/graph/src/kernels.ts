import { activationKernels } from "./kernels/activations.ts";
import { arithmeticKernels } from "./kernels/arithmetic.ts";
import { comparisonKernels } from "./kernels/comparisons.ts";
import { creationKernels } from "./kernels/creation.ts";
import { imageKernels } from "./kernels/images.ts";
import { indexingKernels } from "./kernels/indexing.ts";
import type { Lowerings } from "./kernels/lowering.ts";
import { productKernels } from "./kernels/products.ts";
import { reductionKernels } from "./kernels/reductions.ts";
import { shapeKernels } from "./kernels/shapes.ts";
import { windowKernels } from "./kernels/windows.ts";

/** The TensorFlow.js kernels that capture knows, each as primitives, by family; `docs/ops.md` lists them. */
export const kernelFamilies: { readonly [family: string]: Lowerings } = {
  "Values and types": creationKernels,
  Arithmetic: arithmeticKernels,
  "Truth values": comparisonKernels,
  Activations: activationKernels,
  Reductions: reductionKernels,
  Shapes: shapeKernels,
  Indexing: indexingKernels,
  Products: productKernels,
  "Convolutions and pools": windowKernels,
  Images: imageKernels,
};

/** All families in one table. */
export const captureKernels: Lowerings = Object.assign({}, ...Object.values(kernelFamilies));
