import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { FaultyProxy } from "./faulty-proxy.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that gives back what it gets, and a client that reaches it through a proxy. */
async function echo(): Promise<{ proxy: FaultyProxy; client: Socket; server: Server }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await FaultyProxy.listen(() => ({ host: "127.0.0.1", port }));
  const client = connect(proxy.port, "127.0.0.1");
  client.on("error", () => {});
  closers.push(
    async () => client.destroy(),
    () => proxy.close(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  await once(client, "connect");
  return { proxy, client, server };
}

/** Sends bytes and waits until as many have come back. */
async function exchange(client: Socket, bytes: Buffer): Promise<Buffer> {
  const received: Buffer[] = [];
  client.write(bytes);
  for (let length = 0; length < bytes.length; ) {
    const [piece] = (await once(client, "data")) as [Buffer];
    received.push(piece);
    length += piece.length;
  }
  return Buffer.concat(received);
}

/** How many bits differ. */
function distance(a: Buffer, b: Buffer): number {
  let bits = 0;
  for (let i = 0; i < a.length; i++) {
    for (let difference = a[i]! ^ b[i]!; difference > 0; difference &= difference - 1) bits++;
  }
  return bits;
}

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));

test("left alone, it passes every byte in both directions", async () => {
  const { proxy, client } = await echo();
  expect(await exchange(client, bytes)).toEqual(bytes);
  expect(proxy.isConnected).toBe(true);
});

test.each(["up", "down"] as const)("it changes one bit on the way %s, once", async (direction) => {
  const { proxy, client } = await echo();
  await exchange(client, Buffer.from("hello"));
  proxy.corrupt(direction, 0xffff_fffd);
  expect(distance(await exchange(client, bytes), bytes)).toBe(1);
  expect(await exchange(client, bytes)).toEqual(bytes);
});

test("it changes no bit of a connection that comes later", async () => {
  const { proxy, client } = await echo();
  await exchange(client, Buffer.from("hello"));
  proxy.corrupt("up", 5);
  proxy.cut("end");
  const next = connect(proxy.port, "127.0.0.1");
  expect(await exchange(next, bytes)).toEqual(bytes);
  next.destroy();
});

test("what it holds back comes later, in order and whole", async () => {
  const { proxy, client } = await echo();
  await exchange(client, Buffer.from("hello"));
  let isOver = false;
  const stall = proxy.stall(100).then(() => {
    isOver = true;
  });
  expect(await exchange(client, bytes)).toEqual(bytes);
  expect(isOver).toBe(true);
  await stall;
  const delay = proxy.delay(50, 5);
  expect(await exchange(client, bytes)).toEqual(bytes);
  await delay;
});

test.each(["end", "reset"] as const)("a connection that is cut (%s) ends on both sides", async (how) => {
  const { proxy, client, server } = await echo();
  await exchange(client, Buffer.from("hello"));
  // Not `once`, which takes the reset for a failure of its own.
  const closed = new Promise((resolve) => client.once("close", resolve));
  proxy.cut(how);
  await closed;
  expect(proxy.isConnected).toBe(false);
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    closers.pop();
  });
});

test("where nobody is behind it, a connection ends at once", async () => {
  const proxy = await FaultyProxy.listen(() => null);
  closers.push(() => proxy.close());
  const client = connect(proxy.port, "127.0.0.1");
  client.on("error", () => {});
  await new Promise((resolve) => client.once("close", resolve));
  expect(client.bytesRead).toBe(0);
});
