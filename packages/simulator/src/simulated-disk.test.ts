import type { Disk } from "@shoal/coordinator";
import { createRandom } from "@shoal/core/outer";
import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { World } from "./world.ts";

interface Started {
  readonly disk: SimulatedDisk;
  readonly process: SimulatedProcess;
  /** Lets virtual time pass until `work` is done. */
  readonly finish: <T>(work: (view: Disk) => Promise<T>) => Promise<T>;
}

function start(seed: number): Started {
  const world = new World({ isTraced: false });
  const options = { world, name: "process", clockStartMs: 0, clockRate: 1 };
  const process = new SimulatedProcess({ ...options, onException: (error) => expect.fail(String(error)) });
  const disk = new SimulatedDisk({ world, random: createRandom(seed), operationMs: 1, onChange: () => {} });
  const finish = async <T>(work: (view: Disk) => Promise<T>): Promise<T> => {
    const progress = { isOver: false };
    const over = (): void => {
      progress.isOver = true;
    };
    const result = work(disk.viewOf(process));
    result.then(over, over);
    while (!progress.isOver && (await world.advance()));
    return result;
  };
  return { disk, process, finish };
}

async function write(view: Disk, path: string, text: string, isSynced: boolean): Promise<void> {
  const file = await view.open(path, "append");
  await file.write(Buffer.from(text));
  if (isSynced) await file.sync();
  await file.close();
}

const read = (path: string) => async (view: Disk) => Buffer.from(await view.read(path)).toString();

describe("after a power failure", () => {
  test("what was synced is there, with its name", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const { disk, finish } = start(seed);
      await finish(async (view) => {
        await view.makeDirectory("/run");
        await write(view, "/run/log", "synced", true);
        await view.syncDirectory("/run");
        await write(view, "/run/log", "tail", false);
      });
      disk.losePower();
      expect((await finish(read("/run/log"))).slice(0, 6)).toBe("synced");
    }
  });

  test("what was not synced is there, or not, or in part, or as a hole", async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const { disk, finish } = start(seed);
      await finish(async (view) => {
        await view.makeDirectory("/run");
        await write(view, "/run/log", "", true);
        await view.syncDirectory("/run");
        await write(view, "/run/log", "ab", false);
      });
      disk.losePower();
      found.add(await finish(read("/run/log")));
    }
    expect([...found].sort()).toEqual(["", "\0", "\0\0", "a", "a\0", "ab"].sort());
  });

  test("a rename that was not synced leaves the old file or the new one, whole", async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { disk, finish } = start(seed);
      await finish(async (view) => {
        await view.makeDirectory("/run");
        await write(view, "/run/file", "old", true);
        await write(view, "/run/.tmp", "new", true);
        await view.syncDirectory("/run");
        await view.rename("/run/.tmp", "/run/file");
      });
      disk.losePower();
      found.add(await finish(read("/run/file")));
    }
    expect([...found].sort()).toEqual(["new", "old"]);
  });
});

test("a full disk takes a part, says ENOSPC, and has room again later", async () => {
  const { disk, finish } = start(3);
  disk.fill(1_000);
  await expect(
    finish(async (view) => {
      await view.makeDirectory("/run");
      await write(view, "/run/log", "x".repeat(1_000), false);
    }),
  ).rejects.toMatchObject({ code: "ENOSPC" });
  expect(disk.files.get("/run/log")!.length).toBeLessThan(1_000);
});

test("a process that died changes nothing any more", async () => {
  const { disk, process, finish } = start(4);
  await finish((view) => view.makeDirectory("/run"));
  const writing = write(disk.viewOf(process), "/run/log", "text", true);
  process.kill();
  // It never goes on: there is nobody to tell.
  await finish(() => Promise.race([writing, Promise.resolve()]));
  expect([...disk.files.keys()]).toEqual([]);
});

test("errors are those of a file system", async () => {
  const { finish } = start(5);
  await expect(finish((view) => view.read("/run/none"))).rejects.toMatchObject({ code: "ENOENT" });
  await expect(finish((view) => view.list("/none"))).rejects.toMatchObject({ code: "ENOENT" });
  await expect(finish((view) => view.open("/none/file", "append"))).rejects.toMatchObject({ code: "ENOENT" });
  await finish(async (view) => {
    await view.makeDirectory("/run");
    await write(view, "/run/lock", "", false);
  });
  await expect(finish((view) => view.open("/run/lock", "new"))).rejects.toMatchObject({ code: "EEXIST" });
});
