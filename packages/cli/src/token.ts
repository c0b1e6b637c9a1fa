import { readFileSync } from "node:fs";
import { usageError } from "./usage-error.ts";

/**
 * The token in the first line of a file, or null without a file.
 *
 * @throws {ShoalError} E_USAGE if the file cannot be read, or holds no token
 */
export function readToken(file: string | undefined): string | null {
  if (file === undefined) return null;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw usageError(`--token-file: cannot read ${file}: ${(error as Error).message}`);
  }
  const token = text.split("\n", 1)[0]!.trim();
  if (token.length < 16) {
    throw usageError(
      `--token-file: expected at least 16 characters in the first line of ${file}, got ${token.length}; ` +
        "make one with: openssl rand -hex 32",
    );
  }
  return token;
}
