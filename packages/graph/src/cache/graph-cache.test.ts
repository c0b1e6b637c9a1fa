import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { capture } from "../capture.ts";
import { compile } from "../compile.ts";
import { serializeGraph } from "../onnx/serialized-graph.ts";
import { openGraph } from "../open-graph.ts";
import { grad } from "../transforms.ts";
import type { CachedGraph } from "./cached-graph.ts";
import { type GraphCacheEvent, graphCacheSize, readCachedGraph, writeCachedGraph } from "./graph-cache.ts";

const graph = capture((x: tf.Tensor) => grad((y: tf.Tensor) => tf.sum(tf.mul(tf.tanh(y), tf.cos(y))))(x), {
  shape: [4],
  dtype: "float32",
});
const entry: CachedGraph = { graph: serializeGraph(graph, "cpu"), about: { words: ["loss", "accuracy"] } };
const key = "ab12";

let directory: string;
let events: GraphCacheEvent[];
const cache = () => ({ directory, onEvent: (event: GraphCacheEvent) => events.push(event) });
const pathOf = (name: string) => join(directory, `${name}.graph`);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shoal-graphs-"));
  events = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("a graph that was kept", () => {
  test("comes back as it was, and computes the same bits", async () => {
    await writeCachedGraph(cache(), key, entry);
    const kept = await readCachedGraph(cache(), key);
    expect(kept).toEqual(entry);
    const cold = await compile(graph, { device: "cpu" });
    const warm = await openGraph(kept!.graph, "cpu");
    const input = [Float32Array.of(-1.5, 0, 0.25, 3)];
    expect(await warm.run(input)).toEqual(await cold.run(input));
    expect(events).toEqual([]);
    await Promise.all([cold.close(), warm.close()]);
  });

  test("is not one of another target", async () => {
    await expect(openGraph(entry.graph, "webgpu")).rejects.toMatchObject({
      code: "E_DEVICE",
      message: "webgpu: expected a graph serialized for gpu, got one for cpu",
    });
    // No processor has blocks of 8 and of 16.
    const blocks = (size: 8 | 16) => openGraph({ ...entry.graph, target: `cpu-${size}` }, "cpu");
    const opened = await Promise.allSettled([blocks(8), blocks(16)]);
    expect(opened.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
  });

  test("is not there before it is written, which nobody needs to hear of", async () => {
    await rm(directory, { recursive: true });
    expect(await readCachedGraph(cache(), key)).toBeNull();
    expect(events).toEqual([]);
  });
});

describe("a file that is not the graph of its name", () => {
  test.each([
    ["with one bit flipped", "checksum", (bytes: Buffer) => flip(bytes, bytes.length >> 1)],
    ["with another checksum", "checksum", (bytes: Buffer) => flip(bytes, 0)],
    ["cut short", "checksum", (bytes: Buffer) => bytes.subarray(0, bytes.length - 7)],
    ["cut to a stub", "got 3 bytes", (bytes: Buffer) => bytes.subarray(0, 3)],
    ["emptied", "got 0 bytes", () => Buffer.alloc(0)],
  ])("%s is reported and passed over, and writing replaces it", async (_, reason, damage) => {
    await writeCachedGraph(cache(), key, entry);
    await writeFile(pathOf(key), damage(await readFile(pathOf(key))));
    expect(await readCachedGraph(cache(), key)).toBeNull();
    expect(events).toEqual([
      { type: "graph-cache-rejected", path: pathOf(key), reason: expect.stringContaining(reason) },
    ]);
    await writeCachedGraph(cache(), key, entry);
    expect(await readCachedGraph(cache(), key)).toEqual(entry);
  });

  test("but whole, under another key, is not used", async () => {
    await writeCachedGraph(cache(), "cd34", entry);
    await writeFile(pathOf(key), await readFile(pathOf("cd34")));
    expect(await readCachedGraph(cache(), key)).toBeNull();
    expect(events[0]).toMatchObject({ reason: "it is the graph of another key" });
  });
});

describe("a directory of graphs", () => {
  test("drops those that were used longest ago once it is full", async () => {
    for (const name of ["01", "02", "03"]) await writeCachedGraph(cache(), name, entry);
    const { bytes, graphs } = await graphCacheSize(directory);
    expect(graphs).toBe(3);
    for (const name of ["01", "02", "03"]) await utimes(pathOf(name), 1_000, 1_000 + Number(name));
    // Reading 01 makes 02 the oldest; there is room for three of equal size.
    await readCachedGraph(cache(), "01");
    await writeCachedGraph({ ...cache(), bytesMax: bytes }, "04", entry);
    expect((await readdir(directory)).sort()).toEqual(["01.graph", "03.graph", "04.graph"]);
  });

  test("keeps nothing that is larger than all of it", async () => {
    await writeCachedGraph({ ...cache(), bytesMax: 100 }, key, entry);
    expect(await graphCacheSize(directory)).toEqual({ graphs: 0, bytes: 0 });
  });

  test("is cleared of temporary files that a killed process left, not of those at work", async () => {
    const [old, young] = ["ef.1-aa.tmp", "ef.2-bb.tmp"].map((name) => join(directory, name)) as [
      string,
      string,
    ];
    await writeFile(old, "x");
    await utimes(old, 1_000, 1_000);
    await writeFile(young, "x");
    await writeCachedGraph(cache(), key, entry);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test("takes many writers and readers of one key at once", async () => {
    const small = { ...cache(), bytesMax: 3 * (await sizeOfEntry()) };
    const work = Array.from({ length: 40 }, async (_, i) => {
      const name = `0${i % 5}`;
      await writeCachedGraph(small, name, entry);
      const kept = await readCachedGraph(small, name);
      // Another writer may have had to evict it, but half a file is never seen.
      if (kept !== null) expect(kept).toEqual(entry);
    });
    await Promise.all(work);
    expect(events).toEqual([]);
    expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test.skipIf(process.getuid?.() === 0)("that may not be written is reported", async () => {
    await chmod(directory, 0o500);
    await writeCachedGraph(cache(), key, entry);
    expect(events).toMatchObject([{ type: "graph-cache-unavailable", directory }]);
  });

  test("whose place a file has is reported", async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, "not a directory");
    await writeCachedGraph(cache(), key, entry);
    expect(await readCachedGraph(cache(), key)).toBeNull();
    expect(events.map(({ type }) => type)).toEqual(["graph-cache-unavailable", "graph-cache-unavailable"]);
  });
});

async function sizeOfEntry(): Promise<number> {
  await writeCachedGraph(cache(), "00", entry);
  return (await graphCacheSize(directory)).bytes;
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}
