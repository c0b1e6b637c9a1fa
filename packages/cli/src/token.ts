import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { SCOPES, type Scope } from "@shoal/protocol";
import { usageError } from "./usage-error.ts";

/** Tokens by scope, as far as a file has them. */
export type Tokens = { readonly [S in Scope]?: string };

/** A shorter token could be guessed. */
const CHARACTERS_MIN = 16;

/** A token for every scope, of 256 random bits each. */
export function newTokens(): Required<Tokens> {
  const token = (): string => randomBytes(32).toString("hex");
  return { worker: token(), observer: token(), admin: token() };
}

/** A token file: one line per scope, `worker 5a0f...`. */
export function tokenFileText(tokens: Tokens): string {
  return SCOPES.flatMap((scope) => (tokens[scope] === undefined ? [] : [`${scope} ${tokens[scope]}\n`])).join(
    "",
  );
}

/**
 * Reads a token file: lines of a scope and its token, as `shoal token` writes them; or a bare token in the
 * first line, which is the worker's.
 *
 * @param option the option that named it, for messages
 * @throws {ShoalError} E_USAGE if the file cannot be read, or holds no token
 */
export function readTokens(file: string, option = "--token-file"): Tokens {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw usageError(`${option}: cannot read ${file}: ${(error as Error).message}`);
  }
  const lines = text.split("\n").map((line) => line.trim());
  if (scopedLine(lines[0]!) === null)
    return { worker: checked(lines[0]!, "in the first line", file, option) };
  const tokens: { [S in Scope]?: string } = {};
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const scoped = scopedLine(line);
    if (scoped === null || tokens[scoped.scope] !== undefined) {
      throw usageError(
        `${option}: expected one line for each of ${SCOPES.join(", ")} in ${file}, got another one in line ${i + 1}; ` +
          "make a new file with: shoal token",
      );
    }
    tokens[scoped.scope] = checked(scoped.token, `for ${scoped.scope}`, file, option);
  }
  return tokens;
}

/**
 * The token of one scope, or null without a file.
 *
 * @throws {ShoalError} E_USAGE if the file has none for this scope
 */
export function readToken(file: string | undefined, scope: Scope = "worker"): string | null {
  if (file === undefined) return null;
  const token = readTokens(file)[scope];
  if (token !== undefined) return token;
  throw usageError(
    `--token-file: expected the ${scope}'s token in ${file}, got none; see its lines' first words`,
  );
}

function scopedLine(line: string): { readonly scope: Scope; readonly token: string } | null {
  const [word, token, ...rest] = line.split(/\s+/);
  const scope = SCOPES.find((name) => name === word);
  return scope === undefined || token === undefined || rest.length > 0 ? null : { scope, token };
}

/** Says what is wrong with a token, never what it is. */
function checked(token: string, where: string, file: string, option: string): string {
  if (token.length < CHARACTERS_MIN) {
    throw usageError(
      `${option}: expected at least ${CHARACTERS_MIN} characters ${where} of ${file}, got ${token.length}; ` +
        "make a file with: shoal token",
    );
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw usageError(
    `${option}: expected printable ASCII without blanks ${where} of ${file}; make a file with: shoal token`,
  );
}
