import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type AcceptOptions, acceptWebSockets, httpServerOptions } from "./accept-web-sockets.ts";
import { type AccessPolicy, createAuthorize } from "./authorize.ts";
import { connectWebSocket } from "./connect-web-socket.ts";
import type { Closed, CoordinatorConnection } from "./connection.ts";
import { encode } from "./encode.ts";
import {
  CHUNK_BYTES,
  HELLO_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  PONG_BUFFERED_BYTES_MAX,
  REPORTS_MAX,
} from "./limits.ts";
import type { WorkerMessage } from "./messages.ts";
import { coordinatorVocabulary, workerVocabulary } from "./vocabulary.ts";
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

const [helloFrame] = encode(workerVocabulary, hello, null) as [Buffer];

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
    worker.send(hello);
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
    worker.send(hello);
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
      raw.send(helloFrame);
      const coordinator = await accepted();
      coordinator.onMessage((message) => expect(message).toEqual(hello));
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
    const refused: string[] = [];
    const { url } = await listen({
      authorize: createAuthorize(access("secret")),
      onRefused: ({ reason }) => refused.push(reason),
    });
    for (const token of [null, "", "Secret", "two\nlines", "secrets"]) {
      await expect(connectWebSocket(url, { token })).rejects.toMatchObject({ code: "E_TOKEN" });
    }
    // "" and "two\nlines" are no tokens; the worker says so without asking.
    expect(refused).toEqual(Array(3).fill("the worker's token is missing or wrong"));
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

  test("of a flood is reported in part, and the rest is counted", async () => {
    const told: { reason: string; unreported: number }[] = [];
    const { url } = await listen({
      authorize: createAuthorize(access("secret")),
      onRefused: ({ reason, unreported }) => told.push({ reason, unreported }),
    });
    for (let i = 0; i < REPORTS_MAX + 3; i++) {
      await expect(connectWebSocket(url, { token: "wrong" })).rejects.toMatchObject({ code: "E_TOKEN" });
    }
    expect(told).toEqual(
      Array(REPORTS_MAX).fill({ reason: "the worker's token is missing or wrong", unreported: 0 }),
    );
  });
});

describe("a stranger", () => {
  /** A raw client that is past the upgrade, and what the server says when it is turned away. */
  async function stranger(options: Partial<AcceptOptions> = {}) {
    let refuse: (reason: string) => void = () => {};
    const refused = new Promise<string>((resolve) => {
      refuse = resolve;
    });
    const { url } = await listen({
      onConnection: () => expect.unreachable(),
      onRefused: ({ reason }) => refuse(reason),
      ...options,
    });
    const raw = new WebSocket(url);
    raw.on("error", () => {});
    await once(raw, "open");
    return { raw, refused };
  }

  test("must say hello in time", async () => {
    const { raw, refused } = await stranger({ helloMs: 50 });
    const [code, reason] = await once(raw, "close");
    expect([code, String(reason)]).toEqual([1008, "no hello within 50 ms"]);
    expect(await refused).toBe("no hello within 50 ms (1008)");
  });

  test("must say hello first", async () => {
    const { raw, refused } = await stranger();
    const leaving = { type: "leaving", reason: "never came" } as const;
    raw.send(encode(workerVocabulary, leaving, null)[0]!);
    expect((await once(raw, "close"))[0]).toBe(1002);
    expect(await refused).toBe("leaving before hello (1002)");
  });

  test("may not send more bytes than a hello needs, in one frame, in fragments or in pings", async () => {
    const floods: ((raw: WebSocket) => void)[] = [
      (raw) => raw.send(Buffer.alloc(16 * HELLO_BYTES_MAX)),
      (raw) => raw.send(Buffer.alloc(16 * HELLO_BYTES_MAX), { fin: false }),
      (raw) => {
        for (let bytes = 0; bytes < HELLO_BYTES_MAX; bytes += 100) raw.ping(Buffer.alloc(100));
      },
    ];
    for (const flood of floods) {
      const { raw, refused } = await stranger();
      flood(raw);
      expect(await refused).toBe(`more than ${HELLO_BYTES_MAX} bytes and no hello (1009)`);
      raw.terminate();
    }
  });

  test("is one of few: the next is closed at once, and a worker that has said hello is none", async () => {
    const reasons: string[] = [];
    const connectionLimits = {
      connections: 3,
      connectionsPerAddress: 3,
      strangers: 1,
      strangersPerAddress: 1,
    };
    const { url, accepted } = await listen({
      connectionLimits,
      onRefused: ({ reason }) => reasons.push(reason),
    });
    const join = async () => {
      const worker = await connectWebSocket(url, { token: null });
      worker.send(hello);
      await accepted();
    };
    await join();
    await join();
    const quiet = await connectWebSocket(url, { token: null });
    await expect(connectWebSocket(url, { token: null })).rejects.toMatchObject({ code: "E_CONNECT" });
    expect(reasons).toEqual(["3 connections are open already"]);
    quiet.close(1000, "");
  });
});

test("a peer that sends pings and reads no pongs costs no memory", async () => {
  const { url, port, accepted } = await listen();
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const key = Buffer.alloc(16).toString("base64");
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await once(socket, "data");
  socket.pause();
  socket.write(masked(0x2, helloFrame));
  const coordinator = await accepted();
  coordinator.onMessage(() => {});
  // 16 MiB of pings; the kernel takes a few MiB of pongs, the rest would wait in the server.
  const pings = Buffer.concat(Array(8192).fill(masked(0x9, Buffer.alloc(125))));
  for (let i = 0; i < 16; i++) await new Promise((resolve) => socket.write(pings, resolve));
  socket.write(masked(0x2, encode(workerVocabulary, { type: "leaving", reason: "" }, null)[0]!));
  await new Promise<void>((resolve) => coordinator.onMessage(() => resolve()));
  expect(coordinator.bufferedBytes).toBeLessThanOrEqual(PONG_BUFFERED_BYTES_MAX + 127);
  socket.destroy();
});

describe("a worker at a server that is no honest coordinator", () => {
  /** A TCP server that grants the upgrade, then writes these bytes; the worker's end of the connection. */
  async function hostile(bytes: Buffer) {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (request: Buffer) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(request.toString("latin1"))![1]!;
        const accept = createHash("sha1")
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest("base64");
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.write(bytes);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    return await connectWebSocket(`ws://127.0.0.1:${port}`, { token: null });
  }

  const params = encode(coordinatorVocabulary, { type: "params", version: 0 }, new Float32Array(4))[0]!;
  const forged = Buffer.from(params);
  forged.writeUInt32LE(0xffff_fffc, 8);
  const unmasked = (payload: Buffer) => Buffer.concat([Buffer.from([0x82, payload.byteLength]), payload]);

  test.each([
    ["random bytes", Buffer.from("this is no WebSocket frame, and none will come"), [1002]],
    ["a frame of 2^53 - 1 bytes", Buffer.from("827f001fffffffffffff", "hex"), [1009]],
    ["a frame of 2 MiB", Buffer.from("827f0000000000200000", "hex"), [1009]],
    ["a body of 4 GiB", unmasked(forged), [1009]],
    ["a worker's hello", unmasked(helloFrame), [1007]],
    ["text", Buffer.from("810161", "hex"), [1002]],
    ["a compressed frame", Buffer.from("c20161", "hex"), [1002]],
  ])("closes the connection at %s", async (_, bytes, codes) => {
    const worker = await hostile(bytes);
    worker.onMessage(() => expect.unreachable());
    expect(codes).toContain((await closeOf(worker)).code);
  });
});

/** One final client frame, masked with zeros (RFC 6455, 5.2). */
function masked(opcode: number, payload: Buffer): Buffer {
  const head =
    payload.byteLength < 126
      ? Buffer.from([0x80 | opcode, 0x80 | payload.byteLength])
      : Buffer.from([0x80 | opcode, 0xfe, payload.byteLength >> 8, payload.byteLength & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

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
