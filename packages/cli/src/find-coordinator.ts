import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseRendezvous, RENDEZVOUS_FILE, type Rendezvous } from "@shoal/coordinator";
import { ShoalError } from "@shoal/core/outer";
import type { Values } from "./option-table.ts";
import { fingerprintFor, refuseOpenToken } from "./secure-calling.ts";
import { readTokens, type Tokens } from "./token.ts";
import { usageError } from "./usage-error.ts";

/** A coordinator that may be asked. */
export interface FoundCoordinator {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string;
  /** SHA-256 that its certificate must have; null: none, or one that this machine's authorities vouch for. */
  readonly fingerprint: string | null;
  readonly tokens: Tokens;
  /** Where it was found, for messages; null: its URL was given. */
  readonly run: { readonly directory: string; readonly rendezvous: Rendezvous } | null;
}

/** Where runs are unless --run-dir says otherwise. */
const RUNS = "runs";

/**
 * The coordinator of a command line: of a URL, of a run directory, or of the newest run in `runs`.
 *
 * @param values `token-file`, and for a URL `fingerprint` and `insecure`
 * @throws {ShoalError} E_USAGE if `named` is neither, or a token would travel in the clear; E_CONNECT if the run has no coordinator
 */
export function findCoordinator(
  named: string | undefined,
  values: Values = {},
  runs: string = RUNS,
): FoundCoordinator {
  const tokenFile = values["token-file"];
  const given = tokenFile === undefined ? {} : readTokens(tokenFile);
  if (named !== undefined && /^[a-z]+:\/\//i.test(named)) {
    const url = httpUrl(named);
    refuseOpenToken(named, tokenFile !== undefined, values);
    return { url, fingerprint: fingerprintFor(named, values), tokens: given, run: null };
  }
  const directory = named ?? newestRun(runs);
  const rendezvous = readRendezvous(directory);
  const kept = join(directory, "tokens");
  const tokens = existsSync(kept) ? { ...readTokens(kept, "tokens of the run"), ...given } : given;
  const { url, fingerprint } = rendezvous;
  return { url: httpUrl(url), fingerprint, tokens, run: { directory, rendezvous } };
}

/** The run in `runs` that was started last, one that has a coordinator before others. */
function newestRun(runs: string): string {
  const directories = existsSync(runs) ? readdirSync(runs).map((name) => join(runs, name)) : [];
  const startedMs = (directory: string, file: string): number =>
    statSync(join(directory, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const found = directories
    .map((directory) => ({
      directory,
      running: hasEnded(directory) ? 0 : startedMs(directory, RENDEZVOUS_FILE),
      started: startedMs(directory, "run.json"),
    }))
    .filter(({ started }) => started > 0)
    .sort((a, b) => b.running - a.running || b.started - a.started);
  const newest = found[0];
  if (newest === undefined) {
    throw usageError(
      `expected a run directory or the URL of a coordinator, and there is no run in ${runs}; ` +
        "name one, or start one with: npx shoal train",
    );
  }
  return newest.directory;
}

/** True if the last coordinator of a run has marked its end. */
function hasEnded(directory: string): boolean {
  const path = join(directory, RENDEZVOUS_FILE);
  return existsSync(path) && parseRendezvous(readFileSync(path, "utf8"))?.ended != null;
}

function readRendezvous(directory: string): Rendezvous {
  const path = join(directory, RENDEZVOUS_FILE);
  if (!existsSync(join(directory, "run.json"))) {
    throw usageError(
      `${directory}: expected a run directory or the URL of a coordinator, found no run there`,
    );
  }
  if (!existsSync(path) || hasEnded(directory)) {
    throw new ShoalError("E_CONNECT", `${directory}: no coordinator runs; ${howItEnded(directory)}`);
  }
  const rendezvous = parseRendezvous(readFileSync(path, "utf8"));
  if (rendezvous === null) {
    throw new ShoalError(
      "E_CONNECT",
      `${path}: expected a coordinator's URL, got something else; name the URL instead of the directory`,
    );
  }
  return rendezvous;
}

/** What a run that is over said last, or how to go on with it. */
function howItEnded(directory: string): string {
  const again = `go on with it by: npx shoal train --run-dir ${directory} --resume`;
  try {
    const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8")) as {
      readonly outcome: string;
      readonly step: number;
    };
    const ended = `it ended (${summary.outcome}) at step ${summary.step}`;
    return summary.outcome === "complete" ? ended : `${ended}; ${again}`;
  } catch {
    return again;
  }
}

/** @throws {ShoalError} E_USAGE if `url` is no URL of a coordinator */
function httpUrl(url: string): string {
  const isUrl = URL.canParse(url) && /^(ws|http)s?:$/.test(new URL(url).protocol);
  if (!isUrl) throw usageError(`expected ws://HOST:PORT or wss://HOST:PORT of a coordinator, got ${url}`);
  const { protocol, host } = new URL(url);
  return `${protocol === "ws:" || protocol === "http:" ? "http" : "https"}://${host}`;
}
