import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptWebSockets, createAuthorize, httpServerOptions } from "@shoal/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Certificate, ownCertificate } from "./certificate.ts";
import { publishRendezvous } from "./rendezvous.ts";
import { RendezvousMeeting } from "./rendezvous-meeting.ts";
import { keepRunTokens, type RunTokens } from "./run-tokens.ts";

let directory: string;
let file: string;
let kept: RunTokens;
let certificate: Certificate;
const cleanups: (() => void)[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "shoal-rendezvous-"));
  file = join(directory, "rendezvous.json");
  kept = keepRunTokens(directory, {});
  certificate = await ownCertificate(join(directory, "tls"), []);
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  rmSync(directory, { recursive: true });
});

const { signal } = new AbortController();

/** A coordinator's port with the run's certificate, where the worker's token is asked for. */
async function listen(): Promise<string> {
  const server = createServer({
    ...httpServerOptions(),
    cert: certificate.certificate,
    key: certificate.key,
  });
  const token = (value: string) => ({ type: "token", token: value }) as const;
  const { worker, observer, admin } = kept.tokens;
  const acceptor = acceptWebSockets(server, {
    authorize: createAuthorize({
      scopes: { worker: token(worker), observer: token(observer), admin: token(admin) },
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
  return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const publish = (url: string, incarnation = 1, fingerprint = certificate.fingerprint) =>
  publishRendezvous(directory, { runId: "run", incarnation, url, fingerprint, tokenFile: kept.file });

describe("a worker with a rendezvous file", () => {
  test("waits for the file, then joins with all that it says", async () => {
    const meeting = new RendezvousMeeting(file, undefined);
    await expect(meeting.connect(signal)).rejects.toMatchObject({
      code: "E_CONNECT",
      message: `${file} is not there yet; a coordinator writes it into its run directory when it starts`,
    });
    publish(await listen());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    (await meeting.connect(signal)).close(1000, "");
  });

  test("finds a coordinator that was started again on another port", async () => {
    const meeting = new RendezvousMeeting(file, undefined);
    publish(await listen());
    (await meeting.connect(signal)).close(1000, "");
    for (const cleanup of cleanups.splice(0)) cleanup();
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_CONNECT" });
    publish(await listen(), 2);
    (await meeting.connect(signal)).close(1000, "");
  });

  test("is through when the run is complete, and waits when it was stopped", async () => {
    const meeting = new RendezvousMeeting(file, undefined);
    publish("wss://127.0.0.1:1")("stopped");
    await expect(meeting.connect(signal)).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringMatching(/has been stopped, and may be resumed$/) as string,
    });
    expect(meeting.isComplete).toBe(false);
    publish("wss://127.0.0.1:1")("complete");
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_REFUSED" });
    expect(meeting.isComplete).toBe(true);
  });

  test("gives another server 15 s to be followed by a new file, then says what is wrong", async () => {
    let nowMs = 0;
    const meeting = new RendezvousMeeting(file, undefined, () => nowMs);
    const url = await listen();
    publish(url, 1, "0".repeat(64));
    const message = expect.stringContaining(
      `expected fingerprint ${"0".repeat(64)}, got ${certificate.fingerprint}`,
    ) as string;
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_CONNECT", message });
    nowMs = 14_999;
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_CONNECT", message });
    // A new file that is wrong too gets its own time.
    publish(url, 2, "0".repeat(64));
    nowMs = 15_000;
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_CONNECT", message });
    nowMs = 30_000;
    await expect(meeting.connect(signal)).rejects.toMatchObject({ code: "E_CERTIFICATE", message });
  });

  test("refuses a file that is something else", async () => {
    for (const text of ["", "{", "[]", '{"format":2}']) {
      writeFileSync(file, text);
      await expect(new RendezvousMeeting(file, undefined).connect(signal)).rejects.toMatchObject({
        code: "E_REFUSED",
        message: expect.stringContaining("expected the rendezvous.json of a run directory") as string,
      });
    }
  });

  test("says whose file it is when it cannot be read", async () => {
    publish("wss://127.0.0.1:1");
    chmodSync(file, 0);
    // Root reads everything: a directory in its place cannot be read by anybody.
    const path = process.getuid?.() === 0 ? directory : file;
    await expect(new RendezvousMeeting(path, undefined).connect(signal)).rejects.toMatchObject({
      code: "E_REFUSED",
      message: expect.stringContaining("cannot read it") as string,
    });
  });
});
