import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import {
  layoutParams,
  type OptimizerState,
  type ParamLayout,
  paramsHash,
  ShoalError,
} from "@shoal/core/outer";
import { z } from "zod";
import type { Disk } from "./disk.ts";
import { CHECKPOINTS_KEPT } from "./limits.ts";
import { nodeDisk } from "./node-disk.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";
import { writeDurably } from "./write-durably.ts";

/** Everything that a run needs to go on: the same bits follow. */
export interface Checkpoint {
  readonly runId: string;
  /** Committed steps. */
  readonly step: number;
  readonly params: Float32Array;
  readonly optimizer: OptimizerState;
  readonly layout: ParamLayout;
  /** The data that the run is bound to; null: no worker has said. */
  readonly dataHash: string | null;
  /** The experiment, as JSON. */
  readonly experiment: unknown;
}

/** The JSON beside the tensors; it is written last, so a checkpoint with its JSON is whole. */
const manifestSchema = z.object({
  format: z.literal(1),
  runId: z.string(),
  step: z.int().min(0),
  /** SHA-256 of the float32 little-endian parameters in layout order. */
  paramsHash: z.string(),
  /** SHA-256 of the tensor file. */
  fileHash: z.string(),
  params: z.array(z.object({ name: z.string(), shape: z.array(z.int().min(0)) })),
  optimizer: z.object({ step: z.int().min(0), vectors: z.array(z.string()) }),
  dataHash: z.string().nullable(),
  experiment: z.unknown(),
  /** SHA-256 of this manifest without this member, as JSON without spaces. */
  manifestHash: z.string(),
});

type Manifest = z.infer<typeof manifestSchema>;

const OPTIMIZER_PREFIX = "optimizer.";

export interface SavedCheckpoint {
  /** The manifest. */
  readonly path: string;
  readonly paramsHash: string;
  readonly bytes: number;
  /** Step of the oldest checkpoint that is kept. */
  readonly oldestStep: number;
}

/**
 * Saves a checkpoint into `directory` and removes the oldest ones above `CHECKPOINTS_KEPT`.
 *
 * Parameters lie under their own names; optimizer vectors are flat, as `optimizer.<name>`. At any moment
 * of a crash the files that count are whole.
 *
 * @throws {ShoalError} E_CHECKPOINT_WRITE, the disk being full, say; older checkpoints stay
 */
export async function saveCheckpoint(
  directory: string,
  checkpoint: Checkpoint,
  disk: Disk = nodeDisk,
): Promise<SavedCheckpoint> {
  const { step, params, optimizer, layout, runId, dataHash, experiment } = checkpoint;
  const tensors: NamedTensor[] = [
    ...layout.entries.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      values: params.subarray(offset, offset + size),
    })),
    ...Object.entries(optimizer.vectors).map(([name, values]) => ({
      name: `${OPTIMIZER_PREFIX}${name}`,
      shape: [values.length],
      values,
    })),
  ];
  const chunks = encodeSafetensors(tensors, { format: "shoal-1", step: String(step), runId });
  const digest = createHash("sha256");
  for (const chunk of chunks) digest.update(chunk);
  const manifest: Omit<Manifest, "manifestHash"> = {
    format: 1,
    runId,
    step,
    paramsHash: paramsHash(params),
    fileHash: digest.digest("hex"),
    params: layout.entries.map(({ name, shape }) => ({ name, shape: [...shape] })),
    optimizer: { step: optimizer.step, vectors: Object.keys(optimizer.vectors) },
    dataHash,
    experiment,
  };
  const path = join(directory, `${nameOf(step)}.json`);
  let oldestStep = step;
  try {
    await writeDurably(disk, join(directory, `${nameOf(step)}.safetensors`), chunks);
    const signed: Manifest = { ...manifest, manifestHash: hashOf(manifest) };
    await writeDurably(disk, path, [Buffer.from(`${JSON.stringify(signed, null, 2)}\n`)]);
    oldestStep = await removeOld(disk, directory);
  } catch (error) {
    throw new ShoalError(
      "E_CHECKPOINT_WRITE",
      `cannot save step ${step} in ${directory}: ${(error as Error).message}; make room, then resume the run`,
      { cause: error },
    );
  }
  return {
    path,
    paramsHash: manifest.paramsHash,
    bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    oldestStep,
  };
}

/** A checkpoint that could not be used, and why. */
export interface RejectedCheckpoint {
  readonly path: string;
  readonly reason: string;
}

/**
 * The newest whole checkpoint of a run directory, a directory of checkpoints, or one named by its file.
 *
 * Every hash is verified. A damaged checkpoint is told to `onRejected` and the one before is tried, unless
 * it was named by its file.
 *
 * @throws {ShoalError} E_CHECKPOINT if there is none that is whole, E_RUN_DIRECTORY if `path` does not exist
 */
export async function loadCheckpoint(
  path: string,
  onRejected: (rejected: RejectedCheckpoint) => void = () => {},
  disk: Disk = nodeDisk,
): Promise<Checkpoint> {
  const candidates = await listCheckpoints(disk, path);
  const isNamed = candidates.length === 1 && candidates[0]!.isNamed;
  const reasons: string[] = [];
  for (const { manifestPath } of candidates) {
    try {
      return await readCheckpoint(disk, manifestPath);
    } catch (error) {
      if (isNamed || !(error instanceof ShoalError)) throw error;
      reasons.push(error.message);
      onRejected({ path: manifestPath, reason: error.message });
    }
  }
  const found =
    reasons.length === 0
      ? "found none; a run that was killed before its first step has none: begin it with --resume"
      : `none of ${reasons.length} is whole:\n  ${reasons.join("\n  ")}`;
  throw new ShoalError("E_CHECKPOINT", `${path}: expected a checkpoint, ${found}`);
}

interface Candidate {
  readonly manifestPath: string;
  readonly isNamed: boolean;
}

async function listCheckpoints(disk: Disk, path: string): Promise<readonly Candidate[]> {
  const entry = await disk.find(path);
  if (entry === null)
    throw new ShoalError(
      "E_RUN_DIRECTORY",
      `${path}: expected a checkpoint or a run directory, found nothing; name one such as runs/NAME`,
    );
  if (entry.type !== "directory")
    return [{ manifestPath: path.replace(/\.safetensors$/, ".json"), isNamed: true }];
  const inner = join(path, "checkpoints");
  const directory = (await disk.find(inner))?.type === "directory" ? inner : path;
  const names = (await disk.list(directory)).filter((name) => /^step-\d+\.json$/.test(name));
  return names
    .sort()
    .reverse()
    .map((name) => ({ manifestPath: join(directory, name), isNamed: false }));
}

async function readCheckpoint(disk: Disk, manifestPath: string): Promise<Checkpoint> {
  const damaged = (what: string): ShoalError => new ShoalError("E_CHECKPOINT", `${manifestPath}: ${what}`);
  const content = await disk.read(manifestPath).catch((error: Error) => {
    throw damaged(`cannot be read: ${error.message}`);
  });
  const manifest = parseManifest(new TextDecoder().decode(content));
  if (manifest === null) {
    throw damaged("is damaged, cut off, or not the manifest of a checkpoint; use another checkpoint");
  }
  const file = join(dirname(manifestPath), `${nameOf(manifest.step)}.safetensors`);
  const bytes = await disk.read(file).catch((error: Error) => {
    throw damaged(`its tensors cannot be read: ${error.message}`);
  });
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== manifest.fileHash) {
    throw damaged(
      `${file} is damaged or cut off: expected SHA-256 ${manifest.fileHash.slice(0, 12)}, got ${hash.slice(0, 12)}`,
    );
  }
  const tensors = decodeSafetensors(bytes, file);
  const tensor = (name: string, shape: readonly number[]): Float32Array => {
    const found = tensors.get(name);
    if (found === undefined) throw damaged(`${file} has no tensor ${name}; use another checkpoint`);
    if (found.shape.join() !== shape.join()) {
      throw damaged(
        `${file}: expected ${name} as [${shape.join(", ")}], got [${found.shape.join(", ")}]; use another checkpoint`,
      );
    }
    return found.values;
  };
  const layout = layoutParams(manifest.params);
  const params = new Float32Array(layout.size);
  for (const { name, shape, offset } of layout.entries) params.set(tensor(name, shape), offset);
  const vectors = manifest.optimizer.vectors.map(
    (name) => [name, tensor(`${OPTIMIZER_PREFIX}${name}`, [layout.size])] as const,
  );
  const ours = paramsHash(params);
  if (ours !== manifest.paramsHash) {
    throw damaged(
      `expected parameters with SHA-256 ${manifest.paramsHash.slice(0, 12)}, got ${ours.slice(0, 12)}; use another checkpoint`,
    );
  }
  return {
    runId: manifest.runId,
    step: manifest.step,
    params,
    optimizer: { step: manifest.optimizer.step, vectors: Object.fromEntries(vectors) },
    layout,
    dataHash: manifest.dataHash,
    experiment: manifest.experiment,
  };
}

/**
 * Removes the oldest checkpoints, manifest first: tensors without one do not count. And what crashes left.
 *
 * @returns the step of the oldest one that is kept
 */
async function removeOld(disk: Disk, directory: string): Promise<number> {
  const names = await disk.list(directory);
  const manifests = names.filter((name) => /^step-\d+\.json$/.test(name)).sort();
  const kept = new Set(manifests.slice(-CHECKPOINTS_KEPT));
  const isUnused = (name: string): boolean =>
    (/^step-\d+\.safetensors$/.test(name) && !kept.has(name.replace(/\.safetensors$/, ".json"))) ||
    /^\.step-.*\.tmp$/.test(name);
  const gone = manifests.filter((name) => !kept.has(name));
  for (const name of gone) await disk.remove(join(directory, name));
  // A power failure must not bring a manifest back whose tensors are gone.
  if (gone.length > 0) await disk.syncDirectory(directory);
  for (const name of names.filter(isUnused)) await disk.remove(join(directory, name));
  return Number(/\d+/.exec(manifests.at(-CHECKPOINTS_KEPT) ?? manifests[0]!)![0]);
}

function nameOf(step: number): string {
  return `step-${String(step).padStart(9, "0")}`;
}

/** The manifest in `text`; null if it is none, or if a byte of it has changed. */
function parseManifest(text: string): Manifest | null {
  try {
    const json: unknown = JSON.parse(text);
    const manifest = manifestSchema.parse(json);
    const { manifestHash, ...rest } = json as Manifest;
    return manifestHash === hashOf(rest) ? manifest : null;
  } catch {
    return null;
  }
}

function hashOf(manifest: Omit<Manifest, "manifestHash">): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}
