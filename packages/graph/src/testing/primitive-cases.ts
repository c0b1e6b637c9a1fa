import { activationsCases } from "./cases/activations.ts";
import { arithmeticCases } from "./cases/arithmetic.ts";
import { imagesCases } from "./cases/images.ts";
import { indexingCases } from "./cases/indexing.ts";
import type { PrimitiveCase } from "./cases/primitive-case.ts";
import { productsCases } from "./cases/products.ts";
import { reductionsCases } from "./cases/reductions.ts";
import { shapesCases } from "./cases/shapes.ts";
import { valuesCases } from "./cases/values.ts";
import { windowsCases } from "./cases/windows.ts";

export type { PrimitiveCase };

/** Every op that capture knows, by family. */
export const primitiveCases: readonly PrimitiveCase[] = [
  ...arithmeticCases,
  ...valuesCases,
  ...activationsCases,
  ...shapesCases,
  ...indexingCases,
  ...reductionsCases,
  ...productsCases,
  ...windowsCases,
  ...imagesCases,
];
