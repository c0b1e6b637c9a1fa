import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { fingerprintOf } from "@shoal/protocol";
import { usageError } from "./usage-error.ts";
import { writePrivately } from "./write-privately.ts";

/** A certificate (or a chain of them, its own first) and its private key, as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the certificate, for workers that pin it. */
  readonly fingerprint: string;
  /** True: nobody but its fingerprint vouches for it. */
  readonly isOwn: boolean;
}

/** Life of an own certificate: workers know it by its fingerprint, so its age says nothing. */
const YEARS = 10;

/**
 * The coordinator's own certificate in `directory`, made at the first start and used again at the next:
 * `certificate.pem` and `key.pem` (EC P-256, mode 0600).
 *
 * @param names host names and addresses that it is for, beside this machine's
 * @throws {ShoalError} E_USAGE if the files are damaged, or cannot be written
 */
export async function ownCertificate(directory: string, names: readonly string[]): Promise<Certificate> {
  const certificatePath = join(directory, "certificate.pem");
  const keyPath = join(directory, "key.pem");
  if (!existsSync(certificatePath)) {
    const made = await makeCertificate([hostname(), "localhost", "127.0.0.1", ...names]);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // The key first: once there is a certificate there is its key.
      writePrivately(keyPath, made.private);
      writePrivately(certificatePath, made.cert);
    } catch (error) {
      throw usageError(`${directory}: the certificate cannot be written: ${(error as Error).message}`);
    }
  }
  return { ...readCertificate(certificatePath, keyPath), isOwn: true };
}

/**
 * Reads a certificate and its key, and checks that they belong together and that it has not expired.
 *
 * @throws {ShoalError} E_USAGE naming the file that is wrong
 */
export function readCertificate(certificatePath: string, keyPath: string): Certificate {
  const certificate = read(certificatePath, "a certificate (PEM)", (text) => new X509Certificate(text));
  const key = read(keyPath, "an unencrypted private key (PEM)", (text) => createPrivateKey(text));
  const { validTo } = certificate.value;
  if (Date.parse(validTo) < Date.now()) {
    throw usageError(
      `${certificatePath}: expected a certificate that is still valid, got one until ${validTo}`,
    );
  }
  if (!certificate.value.checkPrivateKey(key.value)) {
    throw usageError(
      `${keyPath}: expected the private key of ${certificatePath}, got another one; name the two that belong together`,
    );
  }
  const fingerprint = fingerprintOf(certificate.value);
  return { certificate: certificate.text, key: key.text, fingerprint, isOwn: false };
}

function read<Value>(path: string, what: string, parse: (text: string) => Value) {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw usageError(`${path}: expected ${what}, cannot read it: ${(error as Error).message}`);
  }
  try {
    return { text, value: parse(text) };
  } catch (error) {
    throw usageError(`${path}: expected ${what}, got something else: ${(error as Error).message}`);
  }
}

async function makeCertificate(names: readonly string[]) {
  const notBeforeDate = new Date();
  const notAfterDate = new Date(notBeforeDate);
  notAfterDate.setFullYear(notAfterDate.getFullYear() + YEARS);
  // Once in a run's life, and 150 ms to load: not at every start of every command.
  const { generate } = await import("selfsigned");
  return generate([{ name: "commonName", value: "Shoal coordinator" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: [...new Set(names)].map(altName) },
    ],
  });
}

function altName(name: string) {
  return isIP(name) === 0 ? ({ type: 2, value: name } as const) : ({ type: 7, ip: name } as const);
}
