/**
 * A mistake in a function that is captured, differentiated or compiled.
 *
 * Codes: `E_CAPTURE` (an op or a read that a static graph cannot hold), `E_GRADIENT` (no gradient is
 * defined), `E_SHAPE` (wrong shape or dtype), `E_DEVICE` (the device cannot be opened or cannot run the graph).
 */
export class GraphError extends Error {
  readonly code: "E_CAPTURE" | "E_GRADIENT" | "E_SHAPE" | "E_DEVICE";
  /** The command that brings what is missing, where there is one. */
  readonly command: string | null;

  constructor(
    code: GraphError["code"],
    message: string,
    { command, ...options }: ErrorOptions & { readonly command?: string } = {},
  ) {
    super(command === undefined ? message : `${message}; run: ${command}`, options);
    this.name = "GraphError";
    this.code = code;
    this.command = command ?? null;
  }
}
