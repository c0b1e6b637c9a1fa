import { ShoalError } from "@shoal/core/outer";

/** A command line that cannot be carried out as it stands. */
export function usageError(message: string): ShoalError {
  return new ShoalError("E_USAGE", message);
}
