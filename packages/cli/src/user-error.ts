import { EXIT } from "./command.ts";

/** Codes of mistakes in how a command was called or configured: trying again does not help. */
const USAGE_CODES = new Set([
  "E_USAGE",
  "E_CONFIG",
  "E_EXPERIMENT",
  "E_DATASET_CONFIG",
  "E_DATASET_MISSING",
  "E_OWN_IMAGES",
  "E_TOKEN",
  "E_CERTIFICATE",
  "E_REFUSED",
  "E_PROTOCOL",
  "E_DATA_HASH",
  "E_DEVICE",
  "E_MEMORY",
  "E_PARAM_COUNT",
  "E_RUN_DIRECTORY",
]);

/** The code of an error that a person can act on; null for a bug. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  return error.code.startsWith("E_") ? error.code : null;
}

export function exitCodeFor(code: string): number {
  if (code === "E_INTERRUPTED") return EXIT.interrupted;
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed;
}
