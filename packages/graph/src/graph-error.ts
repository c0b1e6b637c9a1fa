/**
 * A mistake in a function that is captured, differentiated or compiled.
 *
 * Codes: `E_CAPTURE` (an op or a read that a static graph cannot hold), `E_GRADIENT` (no gradient is
 * defined), `E_SHAPE` (wrong shape or dtype), `E_DEVICE` (the device cannot run the graph).
 */
export class GraphError extends Error {
  readonly code: "E_CAPTURE" | "E_GRADIENT" | "E_SHAPE" | "E_DEVICE";

  constructor(code: GraphError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GraphError";
    this.code = code;
  }
}
