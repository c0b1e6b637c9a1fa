import { createHash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Disk } from "../disk.ts";
import type { CountedBlock, RoundHead } from "./log-record.ts";

/**
 * `ledger.jsonl`: which block of which round counted, by whom. One line per start of a coordinator, one per
 * round; lines are appended and never changed. Each ends in the hash of itself and the line before, so a
 * line that was changed, lost or put in is found.
 *
 * A start at step `s` takes back all rounds of later steps: they are computed again, to the same bits.
 */
const startSchema = z.object({
  type: z.literal("start"),
  incarnation: z.int().min(1),
  /** Committed steps with which it began. */
  step: z.int().min(0),
  paramsHash: z.string(),
  /** SHA-256 of `experiment.json`. */
  experimentHash: z.string(),
});

const roundSchema = z.object({
  type: z.literal("round"),
  incarnation: z.int().min(1),
  round: z.int().min(0),
  purpose: z.string(),
  version: z.int().min(0),
  leaves: z.int().min(1),
  /** Hash of the parameters that follow. */
  paramsHash: z.string(),
  /** Names of workers, by id, for the first round that they take part in. */
  workers: z.record(z.string(), z.string()),
  /** Level, index, worker, lease, CRC-32 of the result. */
  blocks: z.array(z.tuple([z.int(), z.int(), z.string(), z.int(), z.string()])),
  /** CRC-32 of the round's line in `metrics.jsonl`. */
  metric: z.string(),
});

const linkSchema = z.object({
  /** `hash` of the line before. */
  previous: z.string(),
  /** First 32 hex digits of the SHA-256 of this line without this member, as JSON without spaces. */
  hash: z.string(),
});

const lineSchema = z.intersection(z.discriminatedUnion("type", [startSchema, roundSchema]), linkSchema);

export type LedgerStart = z.infer<typeof startSchema>;
export type LedgerRound = z.infer<typeof roundSchema>;
export type LedgerEntry = LedgerStart | LedgerRound;
export type LedgerLine = z.infer<typeof lineSchema>;

/** What the first line names as the line before it. */
export const LEDGER_ROOT = "0".repeat(32);

export function ledgerPath(runPath: string): string {
  return join(runPath, "ledger.jsonl");
}

/** The ledger's entry of a logged round: the same whenever it is made. */
export function ledgerRound(head: RoundHead): LedgerRound {
  const { incarnation, round, purpose, version, leaves, paramsHash, workers, blocks, metric } = head;
  return {
    type: "round",
    incarnation,
    round,
    purpose,
    version,
    leaves,
    paramsHash,
    workers,
    blocks,
    metric: checksum(JSON.stringify(metric)),
  };
}

/** CRC-32 as 8 hex digits. */
export function checksum(content: string | Uint8Array): string {
  return crc32(content).toString(16).padStart(8, "0");
}

/** The lines of entries behind the line whose hash is `previous`. */
export function linkEntries(
  previous: string,
  entries: readonly LedgerEntry[],
): { readonly text: string; readonly last: string } {
  let last = previous;
  let text = "";
  for (const entry of entries) {
    const linked = { ...entry, previous: last };
    last = hashOf(linked);
    text += `${JSON.stringify({ ...linked, hash: last })}\n`;
  }
  return { text, last };
}

/** A line as it is; null if it is damaged. */
export function parseLedgerLine(text: string): LedgerLine | null {
  try {
    const json: unknown = JSON.parse(text);
    const line = lineSchema.parse(json);
    // The hash is over the members as they are written, those that this version does not know included.
    const { hash: _, ...rest } = json as LedgerLine;
    return hashOf(rest) === line.hash ? line : null;
  } catch {
    return null;
  }
}

function hashOf(linked: object): string {
  return createHash("sha256").update(JSON.stringify(linked)).digest("hex").slice(0, 32);
}

/** Where a ledger can be appended to. */
export interface LedgerEnd {
  /** Bytes up to the end of the last line that is whole. */
  readonly bytes: number;
  /** Hash of the last line that is not damaged. */
  readonly hash: string;
  /** Rounds of versions from `since` on that count, in order. */
  readonly rounds: readonly LedgerRound[];
  /** Lines on the way back that are damaged. */
  readonly damagedLines: number;
}

/** Reads the end of a ledger back to the rounds of version `since`. A missing file is an empty ledger. */
export async function readLedgerEnd(disk: Disk, runPath: string, since: number): Promise<LedgerEnd> {
  const path = ledgerPath(runPath);
  if ((await disk.find(path)) === null) return { bytes: 0, hash: LEDGER_ROOT, rounds: [], damagedLines: 0 };
  const content = Buffer.from(await disk.read(path));
  // A killed process may have left a part of a line; the log holds the round.
  const end = content.lastIndexOf("\n") + 1;
  const rounds: LedgerRound[] = [];
  let hash: string | null = null;
  let damagedLines = 0;
  for (let lineEnd = end; lineEnd > 0; ) {
    const lineStart = lineEnd < 2 ? 0 : content.lastIndexOf("\n", lineEnd - 2) + 1;
    const line = parseLedgerLine(content.toString("utf8", lineStart, lineEnd));
    lineEnd = lineStart;
    if (line === null) {
      damagedLines++;
      continue;
    }
    hash ??= line.hash;
    if (line.type === "start") continue;
    if (line.version < since) break;
    rounds.unshift(line);
  }
  return { bytes: end, hash: hash ?? LEDGER_ROOT, rounds, damagedLines };
}

/** Orders blocks by their first leaf, for a line that does not depend on the order of arrival. */
export function byFirstLeaf(a: CountedBlock, b: CountedBlock): number {
  return a[1] * 2 ** a[0] - b[1] * 2 ** b[0];
}
