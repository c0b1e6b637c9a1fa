import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AccessPolicy } from "@shoal/protocol";
import { newTokens, readTokens, type Tokens, tokenFileText } from "./token.ts";
import { writePrivately } from "./write-privately.ts";

/** The tokens of a run, and where they are for whoever may read the run directory. */
export interface RunTokens {
  readonly tokens: Required<Tokens>;
  /** Absolute or relative as the run directory is. */
  readonly file: string;
}

/**
 * Keeps one token per scope in the file `tokens` of a run directory (mode 0600): those that were `given`,
 * those of the start before, and new ones for the rest.
 *
 * @throws {ShoalError} E_USAGE if the file of the start before is damaged
 */
export function keepRunTokens(runDirectory: string, given: Tokens): RunTokens {
  const file = join(runDirectory, "tokens");
  const before = existsSync(file) ? readTokens(file, "tokens of the run") : {};
  const tokens = { ...newTokens(), ...before, ...given };
  writePrivately(file, tokenFileText(tokens));
  return { tokens, file };
}

/**
 * Who may do what: holders of the tokens where a token file was given; otherwise everybody who reaches the
 * port may work and look, and only the holder of the admin's token may steer (nobody where none is kept).
 */
export function scopesOf(isGiven: boolean, tokens: Required<Tokens> | null): AccessPolicy["scopes"] {
  const holders = (token: string) => ({ type: "token", token }) as const;
  const admin = tokens === null ? ({ type: "closed" } as const) : holders(tokens.admin);
  if (!isGiven || tokens === null) return { worker: { type: "open" }, observer: { type: "open" }, admin };
  return { worker: holders(tokens.worker), observer: holders(tokens.observer), admin };
}
