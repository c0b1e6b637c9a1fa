import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { AccessPolicy } from "@shoal/protocol";
import { isLoopback } from "@shoal/protocol";
import { type Certificate, ownCertificate, readCertificate } from "./certificate.ts";
import type { Values } from "./option-table.ts";
import { keepRunTokens, scopesOf } from "./run-tokens.ts";
import { readTokens, type Tokens } from "./token.ts";
import { usageError } from "./usage-error.ts";

/** How a coordinator's port is protected. */
export interface Listening {
  readonly scopes: AccessPolicy["scopes"];
  /** Null: no TLS. */
  readonly certificate: Certificate | null;
  /** The run's token file, as an absolute path; null where no run directory keeps one. */
  readonly tokenFile: string | null;
  /** True if workers must present a token. */
  readonly needsToken: boolean;
}

/** What the command line says of it, before anything is made or opened. */
interface Wanted {
  readonly tokens: Tokens | null;
  readonly tls: "none" | "own" | "given";
}

/**
 * Checks that a port which other machines can reach will have a token and TLS, or that `--insecure` is said.
 *
 * @throws {ShoalError} E_USAGE with both ways out
 */
export function checkListening(address: string, values: Values): Wanted {
  const { "tls-cert": cert, "tls-key": key, "tls-dir": directory, "token-file": tokenFile } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError("--tls-cert: expected --tls-key with it, got one without the other; name both files");
  }
  if (cert !== undefined && directory !== undefined) {
    throw usageError(
      "--tls-dir: is for a certificate of the coordinator's own, got --tls-cert as well; leave one out",
    );
  }
  const isExposed = !isLoopback(address) && values.insecure !== true;
  if (isExposed && tokenFile === undefined) {
    throw usageError(
      `--host ${address}: other machines can reach it, so expected --token-file, got none; ` +
        "make one with: npx shoal token, and traffic will be encrypted too; or say --insecure for neither",
    );
  }
  const tokens = tokenFile === undefined ? null : readTokens(tokenFile);
  if (cert !== undefined) return { tokens, tls: "given" };
  return { tokens, tls: isExposed || directory !== undefined ? "own" : "none" };
}

/**
 * Makes ready what protects the port: tokens in the run directory, and the certificate in `--tls-dir` or the
 * run directory.
 *
 * @param runDirectory null where nothing is kept: then there is no admin, and no certificate of its own
 * @throws {ShoalError} E_USAGE if a file is missing, damaged or cannot be written
 */
export async function secureListening(
  address: string,
  values: Values,
  runDirectory: string | null,
): Promise<Listening> {
  const { tokens: given, tls } = checkListening(address, values);
  const kept = runDirectory === null ? null : keepRunTokens(runDirectory, given ?? {});
  return {
    scopes: scopesOf(given !== null, kept?.tokens ?? null),
    certificate: await certificateOf(tls, address, values, runDirectory),
    tokenFile: kept === null ? null : resolve(kept.file),
    needsToken: given !== null,
  };
}

/** The coordinator's URL as others should write it: a name in the place of "any address". */
export function advertisedUrl(url: string, { advertise }: Values): string {
  return withHost(url, (host) => advertise ?? (isAnyAddress(host) ? hostname() : host));
}

/** The coordinator's URL for processes of this machine. */
export function localUrl(url: string): string {
  return withHost(url, (host) => (isAnyAddress(host) ? (host === "::" ? "::1" : "127.0.0.1") : host));
}

async function certificateOf(
  tls: Wanted["tls"],
  address: string,
  values: Values,
  runDirectory: string | null,
): Promise<Certificate | null> {
  if (tls === "given") return readCertificate(values["tls-cert"]!, values["tls-key"]!);
  const directory = values["tls-dir"] ?? (runDirectory === null ? null : join(runDirectory, "tls"));
  if (tls === "none" || directory === null) return null;
  const names = [address, values.advertise].filter((name) => name !== undefined && !isAnyAddress(name));
  return ownCertificate(directory, names as string[]);
}

function isAnyAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function withHost(url: string, change: (host: string) => string): string {
  const { protocol, hostname: before, port } = new URL(url);
  const host = change(before.replace(/^\[(.*)\]$/, "$1"));
  return `${protocol}//${host.includes(":") ? `[${host}]` : host}:${port}`;
}
