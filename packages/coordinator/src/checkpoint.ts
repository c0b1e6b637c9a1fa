import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type OptimizerState, type ParamLayout, paramsHash, ShoalError } from "@shoal/core/outer";
import { z } from "zod";
import { CHECKPOINTS_KEPT } from "./limits.ts";
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
  params: z.array(z.object({ name: z.string(), shape: z.array(z.int()) })),
  optimizer: z.object({ step: z.int().min(0), vectors: z.array(z.string()) }),
  dataHash: z.string().nullable(),
  experiment: z.unknown(),
});

const OPTIMIZER_PREFIX = "optimizer.";

export interface SavedCheckpoint {
  /** The manifest. */
  readonly path: string;
  readonly paramsHash: string;
  readonly bytes: number;
}

/**
 * Saves a checkpoint into `directory` and removes the oldest ones above `CHECKPOINTS_KEPT`.
 *
 * Parameters lie under their own names; optimizer vectors are flat, as `optimizer.<name>`. At any moment
 * of a crash the files that count are whole.
 *
 * @throws {ShoalError} E_CHECKPOINT_WRITE, the disk being full, say; older checkpoints stay
 */
export async function saveCheckpoint(directory: string, checkpoint: Checkpoint): Promise<SavedCheckpoint> {
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
  const manifest: z.infer<typeof manifestSchema> = {
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
  try {
    await writeDurably(join(directory, `${nameOf(step)}.safetensors`), chunks);
    await writeDurably(path, [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)]);
    await removeOld(directory);
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
 * @throws {ShoalError} E_CHECKPOINT if there is none that is whole
 */
export async function loadCheckpoint(
  path: string,
  onRejected: (rejected: RejectedCheckpoint) => void = () => {},
): Promise<Checkpoint> {
  const candidates = await listCheckpoints(path);
  const isNamed = candidates.length === 1 && candidates[0]!.isNamed;
  const reasons: string[] = [];
  for (const { manifestPath } of candidates) {
    try {
      return await readCheckpoint(manifestPath);
    } catch (error) {
      if (isNamed || !(error instanceof ShoalError)) throw error;
      reasons.push(error.message);
      onRejected({ path: manifestPath, reason: error.message });
    }
  }
  const found =
    reasons.length === 0 ? "found none" : `none of ${reasons.length} is whole:\n  ${reasons.join("\n  ")}`;
  throw new ShoalError("E_CHECKPOINT", `${path}: expected a checkpoint, ${found}`);
}

interface Candidate {
  readonly manifestPath: string;
  readonly isNamed: boolean;
}

async function listCheckpoints(path: string): Promise<readonly Candidate[]> {
  const info = await stat(path).catch(() => null);
  if (info === null)
    throw new ShoalError("E_CHECKPOINT", `${path}: expected a checkpoint or a run directory, found nothing`);
  if (!info.isDirectory()) return [{ manifestPath: path.replace(/\.safetensors$/, ".json"), isNamed: true }];
  const inner = join(path, "checkpoints");
  const directory = (await stat(inner).catch(() => null))?.isDirectory() ? inner : path;
  const names = (await readdir(directory)).filter((name) => /^step-\d+\.json$/.test(name));
  return names
    .sort()
    .reverse()
    .map((name) => ({ manifestPath: join(directory, name), isNamed: false }));
}

async function readCheckpoint(manifestPath: string): Promise<Checkpoint> {
  const damaged = (what: string): ShoalError => new ShoalError("E_CHECKPOINT", `${manifestPath}: ${what}`);
  const text = await readFile(manifestPath, "utf8").catch((error: Error) => {
    throw damaged(`cannot be read: ${error.message}`);
  });
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) throw damaged("is not the manifest of a checkpoint, or is cut off");
  const manifest = parsed.data;
  const file = join(dirname(manifestPath), `${nameOf(manifest.step)}.safetensors`);
  const bytes = await readFile(file).catch((error: Error) => {
    throw damaged(`its tensors cannot be read: ${error.message}`);
  });
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== manifest.fileHash) {
    throw damaged(
      `${file} is damaged or cut off: expected SHA-256 ${manifest.fileHash.slice(0, 12)}, got ${hash.slice(0, 12)}`,
    );
  }
  const tensors = decodeSafetensors(bytes, file);
  const tensor = (name: string): Float32Array => {
    const found = tensors.get(name);
    if (found === undefined) throw damaged(`${file} has no tensor ${name}`);
    return found.values;
  };
  let offset = 0;
  const entries = manifest.params.map(({ name, shape }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const entry = { name, shape, offset, size };
    offset += size;
    return entry;
  });
  const params = new Float32Array(offset);
  for (const entry of entries) params.set(tensor(entry.name), entry.offset);
  const vectors = manifest.optimizer.vectors.map(
    (name) => [name, tensor(`${OPTIMIZER_PREFIX}${name}`)] as const,
  );
  return {
    runId: manifest.runId,
    step: manifest.step,
    params,
    optimizer: { step: manifest.optimizer.step, vectors: Object.fromEntries(vectors) },
    layout: { entries, size: offset },
    dataHash: manifest.dataHash,
    experiment: manifest.experiment,
  };
}

/** Removes the manifest first: tensors without one do not count. */
async function removeOld(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => /^step-\d+\.json$/.test(name)).sort();
  for (const name of names.slice(0, -CHECKPOINTS_KEPT)) {
    await rm(join(directory, name), { force: true });
    await rm(join(directory, name.replace(/\.json$/, ".safetensors")), { force: true });
  }
}

function nameOf(step: number): string {
  return `step-${String(step).padStart(9, "0")}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
