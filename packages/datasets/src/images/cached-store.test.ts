import { mkdir, open, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { cachedStore } from "./cached-store.ts";
import { createImageStore } from "./image-store.ts";

/** Loads a small store through `path`; counts how often it had to be built. */
async function load(
  path: string | null,
  options: { origin?: string; openFile?: () => ReturnType<typeof open> } = {},
) {
  const { origin = "seed 1", openFile } = options;
  const events: DatasetEvent[] = [];
  let builds = 0;
  const store = await cachedStore({
    path,
    recipe: "test/1",
    origin,
    build: async () => {
      builds++;
      const pixels = Uint8Array.of(1, 2, 3, 4);
      return createImageStore({
        recipe: "test/1",
        origin,
        height: 2,
        width: 2,
        examplesPerClass: 1,
        classNames: ["a"],
        pixels,
      });
    },
    onEvent: (event) => events.push(event),
    openFile,
  });
  return { builds, types: events.map(({ type }) => type), events, pixels: [...store.pixels] };
}

test("the first start builds and writes, the second reads", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "cache", "a.store");
  expect(await load(path)).toMatchObject({ builds: 1, types: ["cache-written"], pixels: [1, 2, 3, 4] });
  expect(await load(path)).toMatchObject({ builds: 0, types: ["cache-used"], pixels: [1, 2, 3, 4] });
});

test("without a path nothing is kept", async () => {
  expect(await load(null)).toMatchObject({ builds: 1, types: [] });
});

test("a damaged file is reported, rebuilt and whole at the next start", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "a.store");
  await load(path);
  await truncate(path, 40);
  expect(await load(path)).toMatchObject({ builds: 1, types: ["cache-rejected", "cache-written"] });
  expect(await load(path)).toMatchObject({ builds: 0, types: ["cache-used"] });

  const file = await readFile(path);
  file[file.length - 1]! ^= 1;
  await writeFile(path, file);
  const reloaded = await load(path);
  expect(reloaded).toMatchObject({
    builds: 1,
    types: ["cache-rejected", "cache-written"],
    pixels: [1, 2, 3, 4],
  });
  expect(reloaded.events[0]).toMatchObject({ reason: expect.stringContaining("content hash") });
});

test("a store of other files is not used", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "a.store");
  await load(path);
  const other = await load(path, { origin: "seed 2" });
  expect(other).toMatchObject({ builds: 1, types: ["cache-rejected", "cache-written"] });
  expect(other.events[0]).toMatchObject({ reason: "it was made from other files" });
});

// Linux's /dev/full answers every write with ENOSPC, as a full disk does.
test.skipIf(process.platform !== "linux")(
  "on a full disk the run goes on without the cache, and says so",
  async () => {
    const directory = await temporaryDirectory(onTestFinished);
    const path = join(directory, "a.store");
    const onFullDisk = await load(path, { openFile: () => open("/dev/full", "w") });
    expect(onFullDisk).toMatchObject({ builds: 1, types: ["cache-unavailable"], pixels: [1, 2, 3, 4] });
    expect(onFullDisk.events[0]).toMatchObject({ path, reason: expect.stringContaining("ENOSPC") });
    expect(await readdir(directory)).toEqual([]);
  },
);

test("where the cache cannot be, the run goes on without it, and says so", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFile(join(directory, "file"), "");
  const below = await load(join(directory, "file", "a.store"));
  expect(below).toMatchObject({ builds: 1, types: ["cache-rejected", "cache-unavailable"] });
  await mkdir(join(directory, "b.store"));
  const folder = await load(join(directory, "b.store"));
  expect(folder).toMatchObject({ builds: 1, types: ["cache-rejected", "cache-unavailable"] });
  expect((await readdir(directory)).sort()).toEqual(["b.store", "file"]);
});
