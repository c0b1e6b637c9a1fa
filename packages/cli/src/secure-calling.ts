import { isLoopback, parseFingerprint } from "@shoal/protocol";
import type { Values } from "./option-table.ts";
import { usageError } from "./usage-error.ts";

/**
 * The value of `--fingerprint` for a URL that was given, or null.
 *
 * @throws {ShoalError} E_USAGE if it is none, or the URL is one without a certificate
 */
export function fingerprintFor(url: string, { fingerprint: text }: Values): string | null {
  if (text === undefined) return null;
  const fingerprint = parseFingerprint(text);
  if (fingerprint === null) {
    throw usageError(
      `--fingerprint: expected the SHA-256 of a certificate, 64 hex digits, got ${text}; the coordinator prints it`,
    );
  }
  if (!isPlain(url)) return fingerprint;
  throw usageError(`--fingerprint: expected a URL with wss://, which has a certificate, got ${url}`);
}

/**
 * Keeps a token from travelling to another machine where everybody on the way can read it.
 *
 * @throws {ShoalError} E_USAGE unless `--insecure` is said
 */
export function refuseOpenToken(url: string, hasToken: boolean, { insecure }: Values): void {
  if (!hasToken || insecure === true || !isPlain(url) || isLoopback(new URL(url).hostname)) return;
  throw usageError(
    `${url}: expected wss:// where a token goes to another machine, got one that everybody on the way can read; ` +
      "use the URL that the coordinator prints, or say --insecure",
  );
}

function isPlain(url: string): boolean {
  return URL.canParse(url) && /^(ws|http):$/.test(new URL(url).protocol);
}
