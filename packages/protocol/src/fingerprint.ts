import { createHash, X509Certificate } from "node:crypto";

/** SHA-256 of a certificate's DER bytes, in lower-case hex: what a worker pins. */
export function fingerprintOf(certificate: X509Certificate | string): string {
  const { raw } = typeof certificate === "string" ? new X509Certificate(certificate) : certificate;
  return createHash("sha256").update(raw).digest("hex");
}

/**
 * A fingerprint as a person writes it: 64 hex digits in any case, with colons or without (as
 * `openssl x509 -fingerprint -sha256` prints them), with or without `sha256:` in front. Null if it is none.
 */
export function parseFingerprint(text: string): string | null {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null;
}
