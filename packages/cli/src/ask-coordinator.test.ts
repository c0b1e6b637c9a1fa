import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { askCoordinator } from "./ask-coordinator.ts";
import type { FoundCoordinator } from "./find-coordinator.ts";

/** A coordinator's port that answers in its own way. */
async function serve(answer: RequestListener): Promise<FoundCoordinator> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, fingerprint: null, tokens: {}, run: null };
}

const question = { method: "GET", path: "/status", scope: "observer" } as const;

/** A port where nobody listens, as the run directory `runs/one` names it. */
async function goneCoordinator(host: string, pid: number): Promise<FoundCoordinator> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const url = `ws://127.0.0.1:${port}`;
  const rendezvous = {
    format: 1,
    runId: "run-1",
    url,
    fingerprint: null,
    incarnation: 1,
    pid,
    host,
    ended: null,
  } as const;
  return {
    url: `http://127.0.0.1:${port}`,
    fingerprint: null,
    tokens: {},
    run: { directory: "runs/one", rendezvous: { ...rendezvous, tokenFile: null } },
  };
}

describe("a question to a coordinator", () => {
  test("goes with the token of its scope, or the admin's, which may look too", async () => {
    const coordinator = await serve((request, response) => response.end(request.headers.authorization));
    const admin = "a".repeat(16);
    expect(await askCoordinator({ ...coordinator, tokens: { admin } }, question)).toBe(`Bearer ${admin}`);
    const tokens = { admin, observer: "o".repeat(16) };
    expect(await askCoordinator({ ...coordinator, tokens }, question)).toBe(`Bearer ${tokens.observer}`);
  });

  test("that is refused says which token is expected, and never shows one", async () => {
    const coordinator = await serve((_, response) => response.writeHead(401).end("the token is wrong\n"));
    const tokens = { observer: "0123456789abcdef" };
    await expect(askCoordinator({ ...coordinator, tokens }, question)).rejects.toMatchObject({
      code: "E_TOKEN",
      message: expect.stringMatching(
        /the token is wrong; expected the observer's token(?!.*0123456789)/,
      ) as string,
    });
  });

  test("to something else says what came", async () => {
    const coordinator = await serve((_, response) => response.writeHead(404).end("no such page\n"));
    await expect(askCoordinator(coordinator, question)).rejects.toMatchObject({ code: "E_REFUSED" });
  });
});

describe("a coordinator that does not answer is said", () => {
  test("to be gone, where its process is", async () => {
    // No process has this number: Linux gives out at most 2^22.
    await expect(askCoordinator(await goneCoordinator(hostname(), 2 ** 30), question)).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringMatching(/^runs\/one: .* is gone without a word; go on .*--resume$/) as string,
    });
  });

  test("to be there, where its process is alive", async () => {
    await expect(askCoordinator(await goneCoordinator(hostname(), process.pid), question)).rejects.toThrow(
      /is there, but does not answer at .*ECONNREFUSED.*; wait, or end it/,
    );
  });

  test("with its address, where it is on another machine", async () => {
    await expect(askCoordinator(await goneCoordinator("elsewhere", 1), question)).rejects.toThrow(
      /process 1 on elsewhere\) does not answer at .*; if it is gone, go on/,
    );
  });
});
