/**
 * A mistake that the person who runs Shoal can put right.
 *
 * The message says where, what was expected, what came and what to do. Callers match `code`, which
 * survives threads and wires (`Error` subclasses do not).
 */
export class ShoalError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ShoalError";
    this.code = code;
  }
}

/** True for a `ShoalError`, also one that crossed a thread and lost its prototype. */
export function isShoalError(error: unknown): error is ShoalError {
  return error instanceof Error && error.name === "ShoalError" && "code" in error;
}
