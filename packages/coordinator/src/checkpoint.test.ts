import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { paramsHash } from "@shoal/core/outer";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Checkpoint, loadCheckpoint, type RejectedCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { CHECKPOINTS_KEPT } from "./limits.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";
import { fillDiskFor, hasFullDisk } from "./testing/full-disk.ts";
import { smallCheckpoint } from "./testing/small-checkpoint.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const manifestOf = (directory: string, step: number): string => join(directory, `step-00000000${step}.json`);
const tensorsOf = (directory: string, step: number): string =>
  join(directory, `step-00000000${step}.safetensors`);

async function directoryWith(...steps: readonly number[]): Promise<string> {
  const directory = await temporaryDirectory(onTestFinished);
  for (const step of steps) await saveCheckpoint(directory, smallCheckpoint(step));
  return directory;
}

/** Loads a directory's newest checkpoint, and says which were passed over. */
async function load(path: string): Promise<{ checkpoint: Checkpoint; rejected: RejectedCheckpoint[] }> {
  const rejected: RejectedCheckpoint[] = [];
  const checkpoint = await loadCheckpoint(path, (one) => rejected.push(one));
  return { checkpoint, rejected };
}

const refused = (message: RegExp, code = "E_CHECKPOINT") => ({
  name: "ShoalError",
  code,
  message: expect.stringMatching(message) as string,
});

describe("a checkpoint", () => {
  test("comes back as it was, to the bit", async () => {
    const directory = await directoryWith(4);
    const { checkpoint, rejected } = await load(directory);
    expect(checkpoint).toEqual(smallCheckpoint(4));
    expect(paramsHash(checkpoint.params)).toBe(paramsHash(smallCheckpoint(4).params));
    expect(rejected).toEqual([]);
  });

  test("without optimizer memory, data or experiment comes back too", async () => {
    const directory = await temporaryDirectory(onTestFinished);
    const bare = {
      ...smallCheckpoint(1),
      optimizer: { step: 0, vectors: {} },
      dataHash: null,
      experiment: null,
    };
    await saveCheckpoint(directory, bare);
    expect(await loadCheckpoint(directory)).toEqual(bare);
  });

  test("can be named by its run directory, its directory, its manifest or its tensors", async () => {
    const run = await temporaryDirectory(onTestFinished);
    const directory = join(run, "checkpoints");
    await mkdir(directory);
    for (const step of [1, 2]) await saveCheckpoint(directory, smallCheckpoint(step));
    expect((await loadCheckpoint(run)).step).toBe(2);
    expect((await loadCheckpoint(directory)).step).toBe(2);
    expect((await loadCheckpoint(manifestOf(directory, 1))).step).toBe(1);
    expect((await loadCheckpoint(tensorsOf(directory, 1))).step).toBe(1);
  });

  test("replaces one of the same step", async () => {
    const directory = await directoryWith(3);
    const other = { ...smallCheckpoint(3), params: new Float32Array(6) };
    await saveCheckpoint(directory, other);
    expect(await loadCheckpoint(directory)).toEqual(other);
  });

  test("pushes the oldest out, and what a crash has left", async () => {
    const directory = await directoryWith(1, 2);
    // A crash between the tensors and their manifest, and one in the middle of a write.
    await writeFile(tensorsOf(directory, 3), "tensors without a manifest");
    await writeFile(join(directory, ".step-000000004.safetensors.99.tmp"), "half");
    for (const step of [5, 6]) await saveCheckpoint(directory, smallCheckpoint(step));
    const steps = [2, 5, 6].slice(-CHECKPOINTS_KEPT);
    expect((await readdir(directory)).sort()).toEqual(
      steps.flatMap((step) => [`step-00000000${step}.json`, `step-00000000${step}.safetensors`]),
    );
  });

  test("says where it is, how big, and the hash of its parameters", async () => {
    const directory = await temporaryDirectory(onTestFinished);
    const saved = await saveCheckpoint(directory, smallCheckpoint(4));
    const { length } = await readFile(tensorsOf(directory, 4));
    expect(saved).toEqual({
      path: manifestOf(directory, 4),
      paramsHash: paramsHash(smallCheckpoint(4).params),
      bytes: length,
      oldestStep: 4,
    });
  });
});

describe("a damaged checkpoint", () => {
  test.each(["tensors", "manifest"])("with its %s cut off, at whatever byte, is refused", async (part) => {
    const directory = await directoryWith(2);
    const path = part === "tensors" ? tensorsOf(directory, 2) : manifestOf(directory, 2);
    const whole = await readFile(path);
    // The manifest's last byte is a newline, which says nothing.
    const end = part === "tensors" ? whole.length : whole.length - 1;
    for (let length = 0; length < end; length++) {
      await writeFile(path, whole.subarray(0, length));
      const error: unknown = await loadCheckpoint(manifestOf(directory, 2)).catch((error: unknown) => error);
      expect(error, `${length} bytes`).toMatchObject(refused(/is damaged/));
    }
  });

  test.each(["tensors", "manifest"])("with any byte of its %s flipped is refused", async (part) => {
    const directory = await directoryWith(2);
    const path = part === "tensors" ? tensorsOf(directory, 2) : manifestOf(directory, 2);
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      await writeFile(path, bytes);
      const loaded: unknown = await loadCheckpoint(manifestOf(directory, 2)).catch((error: unknown) => error);
      if (loaded instanceof Error) {
        expect(loaded, `byte ${at}`).toMatchObject(refused(/is damaged/));
        continue;
      }
      // Between two members of JSON one kind of space is as good as another.
      expect(part, `byte ${at}`).toBe("manifest");
      expect(String.fromCharCode(bytes[at]!), `byte ${at}`).toMatch(/\s/);
      expect(loaded).toEqual(smallCheckpoint(2));
    }
  });

  test.each(["tensors", "manifest"])("in its %s gives way to the one before, and is told", async (part) => {
    const directory = await directoryWith(1, 2, 3);
    const damage = async (step: number): Promise<void> => {
      const path = part === "tensors" ? tensorsOf(directory, step) : manifestOf(directory, step);
      await writeFile(path, (await readFile(path)).subarray(0, 100));
    };
    await damage(3);
    expect(await load(directory)).toMatchObject({
      checkpoint: smallCheckpoint(2),
      rejected: [{ path: manifestOf(directory, 3) }],
    });
    await damage(2);
    const { checkpoint, rejected } = await load(directory);
    expect(checkpoint).toEqual(smallCheckpoint(1));
    expect(rejected.map(({ path }) => path)).toEqual([manifestOf(directory, 3), manifestOf(directory, 2)]);
    for (const { reason } of rejected) expect(reason).toMatch(/damaged/);
  });

  test("that is named by its file is refused: no other is taken for it", async () => {
    const directory = await directoryWith(1, 2);
    await writeFile(tensorsOf(directory, 2), "nonsense");
    await expect(loadCheckpoint(manifestOf(directory, 2))).rejects.toMatchObject(
      refused(
        /step-000000002\.safetensors is damaged or cut off: expected SHA-256 [0-9a-f]{12}, got [0-9a-f]{12}/,
      ),
    );
  });

  test("with other tensors than its manifest names is refused", async () => {
    const directory = await directoryWith(2);
    const path = tensorsOf(directory, 2);
    const tensors = [...decodeSafetensors(await readFile(path), path).values()];
    const rename = (from: string, to: string) =>
      tensors.map((tensor) => (tensor.name === from ? { ...tensor, name: to } : tensor));
    await replaceTensors(directory, rename("dense.bias", "dense.biases"));
    await expect(loadCheckpoint(manifestOf(directory, 2))).rejects.toMatchObject(
      refused(/has no tensor dense\.bias; use another checkpoint/),
    );
    await replaceTensors(directory, rename("optimizer.mean", "optimizer.median"));
    await expect(loadCheckpoint(directory)).rejects.toMatchObject(refused(/has no tensor optimizer\.mean;/));
    const flat = { name: "dense.weights", shape: [4], values: tensors[0]!.values };
    await replaceTensors(directory, [flat, ...tensors.slice(1)]);
    await expect(loadCheckpoint(directory)).rejects.toMatchObject(
      refused(/expected dense\.weights as \[2, 2\], got \[4\]/),
    );
  });

  test("with other values than its manifest's hash says is refused", async () => {
    const directory = await directoryWith(2);
    const path = tensorsOf(directory, 2);
    const [weights, ...others] = [...decodeSafetensors(await readFile(path), path).values()];
    await replaceTensors(directory, [{ ...weights!, values: Float32Array.of(9, 9, 9, 9) }, ...others]);
    await expect(loadCheckpoint(directory)).rejects.toMatchObject(
      refused(/expected parameters with SHA-256/),
    );
  });

  test("without its tensors is refused", async () => {
    const directory = await directoryWith(2);
    const stray = join(directory, "elsewhere");
    await mkdir(stray);
    await writeFile(manifestOf(stray, 2), await readFile(manifestOf(directory, 2)));
    await expect(loadCheckpoint(stray)).rejects.toMatchObject(refused(/its tensors cannot be read: ENOENT/));
  });
});

describe("no checkpoint", () => {
  test.each([
    ["in an empty directory", ".", /expected a checkpoint, found none/],
    ["in a file of another kind", "notes.txt", /notes\.txt: is damaged, cut off, or not the manifest/],
  ])("%s is one clear error", async (_, name, message) => {
    const directory = await temporaryDirectory(onTestFinished);
    await writeFile(join(directory, "notes.txt"), "hello");
    await expect(loadCheckpoint(join(directory, name))).rejects.toMatchObject(refused(message));
  });

  test("at a path where nothing is: the path was mistaken", async () => {
    const directory = await temporaryDirectory(onTestFinished);
    await expect(loadCheckpoint(join(directory, "nowhere"))).rejects.toMatchObject(
      refused(/nowhere: expected a checkpoint or a run directory, found nothing/, "E_RUN_DIRECTORY"),
    );
  });

  test("that is whole: every one is told, with its reason", async () => {
    const directory = await directoryWith(1, 2);
    for (const step of [1, 2]) await writeFile(tensorsOf(directory, step), "nonsense");
    await expect(loadCheckpoint(directory)).rejects.toMatchObject(
      refused(/none of 2 is whole:\n {2}.*step-000000002.*\n {2}.*step-000000001/),
    );
  });
});

describe.runIf(hasFullDisk)("on a full disk", () => {
  test.each(["tensors", "manifest"])(
    "a checkpoint whose %s do not fit is an error, and the one before stays",
    async (part) => {
      const directory = await directoryWith(1);
      await fillDiskFor(part === "tensors" ? tensorsOf(directory, 2) : manifestOf(directory, 2));
      await expect(saveCheckpoint(directory, smallCheckpoint(2))).rejects.toMatchObject({
        code: "E_CHECKPOINT_WRITE",
        message: expect.stringMatching(
          /cannot save step 2 in .*ENOSPC.*; make room, then resume the run/,
        ) as string,
      });
      expect((await load(directory)).checkpoint).toEqual(smallCheckpoint(1));
      // Nothing half-written stays behind, and with room the same step is saved.
      expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      await saveCheckpoint(directory, smallCheckpoint(2));
      expect((await load(directory)).checkpoint.step).toBe(2);
    },
  );
});

test("a checkpoint into a directory that is gone is an error with its place", async () => {
  const directory = join(await temporaryDirectory(onTestFinished), "gone");
  await expect(saveCheckpoint(directory, smallCheckpoint(2))).rejects.toMatchObject({
    code: "E_CHECKPOINT_WRITE",
  });
  expect(existsSync(directory)).toBe(false);
});

/** Writes other tensors for step 2, and signs the manifest as if they belonged to it. */
async function replaceTensors(directory: string, tensors: readonly NamedTensor[]): Promise<void> {
  const bytes = Buffer.concat(encodeSafetensors(tensors, {}));
  await writeFile(tensorsOf(directory, 2), bytes);
  const manifest = JSON.parse(await readFile(manifestOf(directory, 2), "utf8")) as Record<string, unknown>;
  const { manifestHash: _, ...rest } = manifest;
  const changed = { ...rest, fileHash: sha256(bytes) };
  await writeFile(
    manifestOf(directory, 2),
    JSON.stringify({ ...changed, manifestHash: sha256(JSON.stringify(changed)) }),
  );
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
