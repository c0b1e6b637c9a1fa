import type { NumericArray } from "./executable.ts";
import type { NamedSpec } from "./graph.ts";
import { GraphError } from "./graph-error.ts";
import { sizeOf } from "./node.ts";

/**
 * The array given for an input, if it has the input's type and length.
 *
 * @throws {GraphError} E_SHAPE
 */
export function checkInput(
  { name, shape, dtype }: NamedSpec,
  data: NumericArray | undefined,
): Float32Array | Int32Array | Uint8Array {
  const fits =
    (dtype === "float32" && data instanceof Float32Array) ||
    (dtype === "int32" && data instanceof Int32Array) ||
    (dtype === "bool" && data instanceof Uint8Array);
  if (!fits || data.length !== sizeOf(shape)) {
    const came = data === undefined ? "nothing" : `${data.constructor.name} of ${data.length}`;
    throw new GraphError(
      "E_SHAPE",
      `input ${name}: expected ${dtype} [${shape}] (${sizeOf(shape)} values), got ${came}`,
    );
  }
  return data;
}
