import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  acceptWebSockets,
  connectWebSocket,
  createAuthorize,
  httpServerOptions,
  parseFingerprint,
} from "@shoal/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Certificate, ownCertificate, readCertificate } from "./certificate.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-certificate-"));
afterAll(() => rmSync(directory, { recursive: true }));

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const TOKEN = "worker-0123456789";
let own: Certificate;
beforeAll(async () => {
  own = await ownCertificate(join(directory, "own"), ["run.example", "10.1.2.3"]);
});

/** A real TLS server with this certificate; remembers every header that came. */
async function listen({ certificate: cert, key }: Certificate) {
  const authorizations: (string | undefined)[] = [];
  const server = createServer({ ...httpServerOptions(), cert, key, minVersion: "TLSv1.3" });
  server.on("upgrade", ({ headers }) => authorizations.push(headers.authorization));
  const acceptor = acceptWebSockets(server, {
    authorize: createAuthorize({
      scopes: {
        worker: { type: "token", token: TOKEN },
        observer: { type: "closed" },
        admin: { type: "closed" },
      },
      isLoopback: true,
    }),
    onConnection: () => {},
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    acceptor.close();
    server.close();
  });
  return { url: `wss://127.0.0.1:${(server.address() as AddressInfo).port}`, authorizations };
}

describe("a certificate of its own", () => {
  test("is made once, and its key is for its owner's eyes alone", async () => {
    expect(await ownCertificate(join(directory, "own"), [])).toEqual(own);
    expect(statSync(join(directory, "own", "key.pem")).mode & 0o777).toBe(0o600);
    expect(own.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ["key.pem", "not a key", /key\.pem: expected an unencrypted private key \(PEM\), got something else/],
    ["certificate.pem", "", /certificate\.pem: expected a certificate \(PEM\), got something else/],
  ])("is refused when %s is damaged", async (name, text, message) => {
    const damaged = join(directory, `damaged-${name}`);
    await ownCertificate(damaged, []);
    writeFileSync(join(damaged, name), text);
    await expect(ownCertificate(damaged, [])).rejects.toThrow(message);
  });

  test("goes with its own key only", async () => {
    await ownCertificate(join(directory, "other"), []);
    expect(() =>
      readCertificate(join(directory, "own", "certificate.pem"), join(directory, "other", "key.pem")),
    ).toThrow(/other\/key\.pem: expected the private key of .*own\/certificate\.pem, got another one/);
    expect(() => readCertificate(join(directory, "none.pem"), join(directory, "own", "key.pem"))).toThrow(
      /none\.pem: expected a certificate \(PEM\), cannot read it: ENOENT/,
    );
  });
});

describe("a worker at a wss: URL", () => {
  test("joins a coordinator whose fingerprint it was given", async () => {
    const { url, authorizations } = await listen(own);
    const connection = await connectWebSocket(url, { token: TOKEN, fingerprint: own.fingerprint });
    expect(authorizations).toEqual([`Bearer ${TOKEN}`]);
    connection.close(1000, "");
  });

  test("tells a wrong fingerprint from the one it expected, and has sent no token", async () => {
    const { url, authorizations } = await listen(own);
    const expected = "0".repeat(64);
    await expect(connectWebSocket(url, { token: TOKEN, fingerprint: expected })).rejects.toMatchObject({
      code: "E_CERTIFICATE",
      message: expect.stringContaining(`expected fingerprint ${expected}, got ${own.fingerprint};`) as string,
    });
    expect(authorizations).toEqual([]);
  });

  test("wants an authority's word where it has no fingerprint, and has sent no token", async () => {
    const { url, authorizations } = await listen(own);
    await expect(connectWebSocket(url, { token: TOKEN })).rejects.toMatchObject({
      code: "E_CERTIFICATE",
      message: expect.stringContaining(
        `(DEPTH_ZERO_SELF_SIGNED_CERT) with fingerprint ${own.fingerprint};`,
      ) as string,
    });
    expect(authorizations).toEqual([]);
  });

  test("that speaks no TLS says so", async () => {
    const plain = createHttpServer(httpServerOptions());
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    cleanups.push(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    await expect(
      connectWebSocket(`wss://127.0.0.1:${port}`, { token: TOKEN, fingerprint: own.fingerprint }),
    ).rejects.toMatchObject({ code: "E_CONNECT", message: expect.stringContaining("without TLS") as string });
  });

  test("is given up in time when the handshake never ends", async () => {
    const { createServer: createTcpServer } = await import("node:net");
    const silent = createTcpServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    cleanups.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const url = `wss://127.0.0.1:${port}`;
    await expect(connectWebSocket(url, { token: null, timeoutMs: 50 })).rejects.toMatchObject({
      code: "E_CONNECT",
      message: `no coordinator at ${url}: no TLS handshake in time`,
    });
    const abort = new AbortController();
    const attempt = connectWebSocket(url, { token: null, signal: abort.signal });
    abort.abort();
    await expect(attempt).rejects.toMatchObject({ code: "E_CONNECT" });
  });
});

test("a fingerprint may be written as openssl prints it", () => {
  const pairs = own.fingerprint.toUpperCase().match(/../g)!;
  expect(parseFingerprint(pairs.join(":"))).toBe(own.fingerprint);
  expect(parseFingerprint(`sha256:${own.fingerprint}`)).toBe(own.fingerprint);
  expect(parseFingerprint(own.fingerprint.slice(1))).toBeNull();
  expect(readFileSync(join(directory, "own", "certificate.pem"), "utf8")).toMatch(
    /^-----BEGIN CERTIFICATE-----/,
  );
});
