import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type AcceptOptions, acceptWebSockets, httpServerOptions } from "./accept-web-sockets.ts";
import { type AccessPolicy, createAuthorize } from "./authorize.ts";
import { connectWebSocket } from "./connect-web-socket.ts";
import type { Closed, CoordinatorConnection } from "./connection.ts";
import { CHUNK_BYTES, PAYLOAD_BYTES_MAX } from "./limits.ts";
import type { WorkerMessage } from "./messages.ts";
import { truncateReason } from "./web-socket-connection.ts";

const hello: WorkerMessage = {
  type: "hello",
  protocolMin: 1,
  protocolMax: 1,
  name: "one",
  version: "0.1.0",
  host: "here",
  pid: 1,
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Workers need this token, or none; everybody else is nobody. */
const access = (token: string | null, originsAllowed: readonly string[] = []): AccessPolicy => ({
  scopes: {
    worker: token === null ? { type: "open" } : { type: "token", token },
    observer: { type: "closed" },
    admin: { type: "closed" },
  },
  isLoopback: true,
  originsAllowed,
});

/** A real server on a free port; `accepted` resolves with each connection in turn. */
async function listen(options: Partial<AcceptOptions> = {}, upgradeMs?: number) {
  const server = createServer(httpServerOptions(upgradeMs));
  const waiting: ((connection: CoordinatorConnection) => void)[] = [];
  const connections: CoordinatorConnection[] = [];
  const acceptor = acceptWebSockets(server, {
    authorize: createAuthorize(access(null)),
    onConnection: (connection) => {
      const next = waiting.shift();
      if (next) next(connection);
      else connections.push(connection);
    },
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    acceptor.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const accepted = () =>
    new Promise<CoordinatorConnection>((resolve) => {
      const ready = connections.shift();
      if (ready) resolve(ready);
      else waiting.push(resolve);
    });
  return { url: `ws://127.0.0.1:${port}`, port, accepted };
}

const closeOf = (connection: { onClose(handler: (closed: Closed) => void): void }) =>
  new Promise<Closed>((resolve) => connection.onClose(resolve));

describe("a WebSocket connection", () => {
  test("carries messages both ways, with bodies longer than one chunk, bit for bit", async () => {
    const { url, accepted } = await listen({ authorize: createAuthorize(access("secret")) });
    const worker = await connectWebSocket(url, { token: "secret" });
    const coordinator = await accepted();
    const body = new Float32Array((2.5 * CHUNK_BYTES) / 4).map((_, i) => Math.fround(Math.sin(i)));
    const heard = new Promise<{ message: WorkerMessage; body: Float32Array | null }[]>((resolve) => {
      const all: { message: WorkerMessage; body: Float32Array | null }[] = [];
      coordinator.onMessage((message, floats) => {
        all.push({ message, body: floats });
        if (all.length === 2) resolve(all);
      });
    });
    const result: WorkerMessage = {
      type: "result",
      leaseId: 1,
      round: 0,
      version: 0,
      level: 0,
      index: 0,
      taskCount: 1,
      statCount: 1,
      computeMs: 2.5,
    };
    worker.send(hello);
    worker.send(result, body);
    const [first, second] = await heard;
    expect(first).toEqual({ message: hello, body: null });
    expect(second!.message).toEqual(result);
    expect(Buffer.from(second!.body!.buffer).equals(Buffer.from(body.buffer))).toBe(true);

    const params = new Promise<Float32Array>((resolve) => worker.onMessage((_, floats) => resolve(floats!)));
    coordinator.send({ type: "params", version: 3 }, body);
    expect(Buffer.from((await params).buffer).equals(Buffer.from(body.buffer))).toBe(true);
  });

  test("tells both sides why one of them closed it", async () => {
    const { url, accepted } = await listen();
    const worker = await connectWebSocket(url, { token: null });
    const coordinator = await accepted();
    worker.onMessage(() => {});
    coordinator.onMessage(() => {});
    const closes = Promise.all([closeOf(worker), closeOf(coordinator)]);
    coordinator.close(1008, "silent for 30000 ms");
    const closed = { code: 1008, reason: "silent for 30000 ms" };
    expect(await closes).toEqual([closed, closed]);
  });

  test("closes with 1002 on a text frame, 1002 on garbage and 1009 on a frame above the limit", async () => {
    const { url, accepted } = await listen();
    for (const [payload, code] of [
      ["text", 1002],
      [Buffer.from("garbage that is no frame"), 1002],
      [Buffer.alloc(PAYLOAD_BYTES_MAX + 1), 1009],
    ] as const) {
      const raw = new WebSocket(url);
      await once(raw, "open");
      const coordinator = await accepted();
      coordinator.onMessage(() => expect.unreachable());
      const ours = closeOf(coordinator);
      const theirs = once(raw, "close");
      raw.send(payload);
      expect((await ours).code).toBe(code);
      expect((await theirs)[0]).toBe(code);
    }
  });

  test("cuts a long reason between characters, to what a close frame holds", () => {
    // 61 two-byte characters are 122 bytes; the 62nd would end at byte 124 > 123.
    expect(truncateReason("ü".repeat(100))).toBe("ü".repeat(61));
  });
});

describe("the upgrade request", () => {
  test("is answered 401 without the right token, which the worker hears as E_TOKEN", async () => {
    const refused: number[] = [];
    const { url } = await listen({
      authorize: createAuthorize(access("secret")),
      onRefused: ({ status }) => refused.push(status),
    });
    for (const token of [null, "", "Secret", "two\nlines", "secrets"]) {
      await expect(connectWebSocket(url, { token })).rejects.toMatchObject({ code: "E_TOKEN" });
    }
    // "" and "two\nlines" are no tokens; the worker says so without asking.
    expect(refused).toEqual([401, 401, 401]);
  });

  test("is refused with an Origin that is not allowed, so no web page can join", async () => {
    const { url } = await listen({ authorize: createAuthorize(access(null, ["https://good.example"])) });
    const bad = new WebSocket(url, { origin: "https://bad.example" });
    const [, response] = await once(bad, "unexpected-response");
    expect(response.statusCode).toBe(403);
    const good = new WebSocket(url, { origin: "https://good.example" });
    await once(good, "open");
    good.terminate();
  });

  test("never negotiates compression", async () => {
    const { url } = await listen();
    const raw = new WebSocket(url, { perMessageDeflate: true });
    await once(raw, "open");
    expect(raw.extensions).toBe("");
    raw.terminate();
  });

  test("must be finished in time: a client that connects and says nothing is dropped", async () => {
    const { port } = await listen({}, 100);
    const socket = connect(port, "127.0.0.1");
    socket.resume();
    await once(socket, "close");
    expect(socket.closed).toBe(true);
  });

  test("must be followed by hello in time", async () => {
    const { url, accepted } = await listen({ helloMs: 50 });
    const worker = await connectWebSocket(url, { token: null });
    const coordinator = await accepted();
    coordinator.onMessage(() => {});
    worker.onMessage(() => {});
    expect(await closeOf(worker)).toEqual({ code: 1008, reason: "no hello within 50 ms" });
  });
});

describe("connectWebSocket", () => {
  test("says E_CONNECT when nobody listens and E_REFUSED when it is no coordinator", async () => {
    const { url, port } = await listen();
    await expect(connectWebSocket(`${url}/elsewhere`, { token: null })).rejects.toMatchObject({
      code: "E_REFUSED",
    });
    await expect(connectWebSocket("http://127.0.0.1", { token: null })).rejects.toMatchObject({
      code: "E_REFUSED",
    });
    for (const cleanup of cleanups.splice(0)) cleanup();
    await expect(connectWebSocket(`ws://127.0.0.1:${port}`, { token: null })).rejects.toMatchObject({
      code: "E_CONNECT",
    });
  });

  test("gives up when it is told to", async () => {
    // A server that accepts TCP and never answers the upgrade.
    const server = createServer();
    server.on("upgrade", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const abort = new AbortController();
    const attempt = connectWebSocket(`ws://127.0.0.1:${port}`, { token: null, signal: abort.signal });
    server.once("upgrade", () => abort.abort());
    await expect(attempt).rejects.toMatchObject({ code: "E_CONNECT" });
    await expect(
      connectWebSocket(`ws://127.0.0.1:${port}`, { token: null, timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: "E_CONNECT" });
  });
});
