import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "./dataset-event.ts";
import { type DownloadOptions, downloadFile } from "./download-file.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
const md5 = createHash("md5").update(content).digest("hex");

type Handler = (request: IncomingMessage, response: ServerResponse, requestIndex: number) => void;

/** A server on this machine, and a download from it into a fresh directory. */
async function start(handler: Handler, options: Partial<DownloadOptions> = {}) {
  let requests = 0;
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    handler(request, response, requests++);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const directory = await temporaryDirectory(onTestFinished);
  const path = join(directory, "below", "archive.zip");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.zip`;
  const events: DatasetEvent[] = [];
  const download = () => downloadFile({ url, path, md5, onEvent: (event) => events.push(event), ...options });
  const left = () => readdir(join(directory, "below"));
  return { url, path, download, events, ranges, left };
}

/** Answers as a file server that knows ranges does. */
const serve: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start >= content.length) response.writeHead(416).end();
  else
    response
      .writeHead(start > 0 ? 206 : 200, { "content-length": content.length - start })
      .end(content.subarray(start));
};

/** Promises the rest of the file, sends `count` bytes of it and, when they have come, drops the connection. */
function breakOff(request: IncomingMessage, response: ServerResponse, count: number): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, { "content-length": content.length - start });
  response.write(content.subarray(start, start + count), () => setTimeout(() => response.destroy(), 50));
}

test("a whole file is checked and moved into place, with its progress", async () => {
  const { path, download, events, left } = await start(serve);
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
  expect(await left()).toEqual(["archive.zip"]);
  expect(events.at(-1)).toMatchObject({ type: "progress", stage: "download", done: 100_000, total: 100_000 });
});

test("a download that breaks off is taken up where it stopped", async () => {
  const { path, download, events, ranges, left } = await start((request, response, index) =>
    index < 2 ? breakOff(request, response, 30_000) : serve(request, response, index),
  );
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
  expect(ranges).toEqual([undefined, "bytes=30000-", "bytes=60000-"]);
  expect(events.filter(({ type }) => type === "download-retry")).toHaveLength(2);
  expect(await left()).toEqual(["archive.zip"]);
});

test("a download that always breaks off says so, and the next call goes on from there", async () => {
  let isBroken = true;
  const { url, path, download, ranges, left } = await start((request, response, index) =>
    isBroken ? breakOff(request, response, 10_000) : serve(request, response, index),
  );
  await expect(download()).rejects.toMatchObject({
    name: "ShoalError",
    code: "E_DOWNLOAD",
    message: expect.stringMatching(
      new RegExp(`^${url}: the download broke off: .*\\(4 attempts\\); run the command again to go on from`),
    ),
  });
  expect(await left()).toEqual(["archive.zip.part"]);
  isBroken = false;
  await download();
  expect(ranges.at(-1)).toBe("bytes=40000-");
  expect((await readFile(path)).equals(content)).toBe(true);
});

test("a server without ranges sends the whole file again", async () => {
  const { path, download } = await start((request, response, index) => {
    if (index === 0) breakOff(request, response, 30_000);
    else response.writeHead(200, { "content-length": content.length }).end(content);
  });
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
});

test("a wrong checksum leaves nothing behind", async () => {
  const { download, left } = await start((_request, response) => void response.end("a login page"));
  await expect(download()).rejects.toMatchObject({
    code: "E_CHECKSUM",
    message: expect.stringContaining(`expected a file with MD5 ${md5}, got`),
  });
  expect(await left()).toEqual([]);
});

test("a part of another file is thrown away and the file downloaded afresh", async () => {
  const { path, download, events, ranges } = await start(serve);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.part`, "not the beginning of it");
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
  expect(ranges).toEqual(["bytes=23-", undefined]);
  expect(events).toContainEqual(expect.objectContaining({ type: "download-retry" }));
});

test("a part that is already whole needs no byte", async () => {
  const { path, download } = await start(serve);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.part`, content);
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
});

test("404 is refused at once", async () => {
  const { url, download, ranges, left } = await start(
    (_request, response) => void response.writeHead(404).end(),
  );
  await expect(download()).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: `${url}: expected a file, but the server answered 404 Not Found; get it in another way`,
  });
  expect(ranges).toHaveLength(1);
  expect(await left()).toEqual([]);
});

test("503 is tried again", async () => {
  const { path, download } = await start((request, response, index) =>
    index === 0 ? void response.writeHead(503).end() : serve(request, response, index),
  );
  await download();
  expect((await readFile(path)).equals(content)).toBe(true);
});

test("a server that stalls is given up", async () => {
  const stall: Handler = (_request, response) => {
    response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 1000));
  };
  const { download, events } = await start(stall, { stallMs: 50 });
  await expect(download()).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("no byte came for 50 ms (4 attempts)"),
  });
  expect(events.filter(({ type }) => type === "download-retry")).toHaveLength(3);
});

test("a server that trickles meets the deadline", async () => {
  const trickle: Handler = (_request, response) => {
    response.writeHead(200, { "content-length": content.length });
    const timer = setInterval(() => response.write("x"), 5);
    response.on("close", () => clearInterval(timer));
  };
  const { download } = await start(trickle, { deadlineMs: 200, stallMs: 10_000 });
  await expect(download()).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("it was not whole after 200 ms"),
  });
});

test("an interrupt ends it, and keeps what came", async () => {
  const interrupt = new AbortController();
  const { download, left, events } = await start(
    (_request, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 1000));
    },
    { signal: interrupt.signal },
  );
  const downloading = download();
  await expect.poll(() => events.length).toBeGreaterThan(0);
  interrupt.abort();
  await expect(downloading).rejects.toMatchObject({
    code: "E_INTERRUPTED",
    message: expect.stringContaining("it was interrupted"),
  });
  expect(await left()).toEqual(["archive.zip.part"]);
});

test("no server at all is said", async () => {
  const { download } = await start(serve, { url: "http://127.0.0.1:1/archive.zip" });
  await expect(download()).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("fetch failed"),
  });
});

test("a directory that cannot be made is an error of the disk", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFile(join(directory, "file"), "");
  const { download } = await start(serve, { path: join(directory, "file", "archive.zip") });
  await expect(download()).rejects.toMatchObject({ code: "E_DISK" });
});

// The part is a link to Linux's /dev/full, which answers every write with ENOSPC.
test.skipIf(process.platform !== "linux")("a full disk is an error of the disk", async () => {
  const { path, download } = await start(serve);
  await mkdir(join(path, ".."), { recursive: true });
  await symlink("/dev/full", `${path}.part`);
  await expect(download()).rejects.toMatchObject({
    code: "E_DISK",
    message: expect.stringContaining("no space left on device"),
  });
});
