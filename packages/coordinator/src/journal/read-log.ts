import { join } from "node:path";
import type { Disk } from "../disk.ts";
import { decodeRecord, findRecord, type RoundHead } from "./log-record.ts";

/** A file of the log. */
export interface SegmentName {
  readonly name: string;
  /** Committed steps where it begins. */
  readonly step: number;
  /** The incarnation that wrote it. */
  readonly incarnation: number;
}

export interface LoggedRound {
  readonly segment: string;
  readonly head: RoundHead;
  readonly body: Uint8Array;
}

/** Bytes of a segment that are no record. */
export interface SegmentFault {
  readonly path: string;
  readonly incarnation: number;
  readonly offset: number;
  readonly bytes: number;
  /** `cut-off`: the last write of a process that was killed; `damaged`: something that was there has changed. */
  readonly type: "cut-off" | "damaged";
  readonly reason: string;
}

export interface ReadLog {
  /** In the order in which they were written. */
  readonly rounds: readonly LoggedRound[];
  readonly faults: readonly SegmentFault[];
  readonly segments: readonly SegmentName[];
}

export function logDirectory(runPath: string): string {
  return join(runPath, "log");
}

export function segmentName(step: number, incarnation: number): string {
  return `step-${String(step).padStart(9, "0")}-start-${String(incarnation).padStart(4, "0")}.log`;
}

/** The segments of a run's log, in the order in which they were written. */
export async function listSegments(disk: Disk, runPath: string): Promise<readonly SegmentName[]> {
  const directory = logDirectory(runPath);
  if ((await disk.find(directory)) === null) return [];
  const names = await disk.list(directory);
  return names
    .flatMap((name): SegmentName[] => {
      const match = /^step-(\d+)-start-(\d+)\.log$/.exec(name);
      return match === null ? [] : [{ name, step: Number(match[1]), incarnation: Number(match[2]) }];
    })
    .sort((a, b) => a.incarnation - b.incarnation || a.step - b.step);
}

/** The segments that nothing needs any more once the oldest checkpoint is that of `step`. */
export function segmentsBefore(segments: readonly SegmentName[], step: number): readonly SegmentName[] {
  // A segment ends where the next one begins: in the same incarnation, or in one that went back.
  return segments.filter((_, i) => segments.slice(i + 1).some((later) => later.step <= step));
}

/** Reads every record of the log that lies behind `step`; bytes that are none are told as faults. */
export async function readLog(disk: Disk, runPath: string, step: number): Promise<ReadLog> {
  const all = await listSegments(disk, runPath);
  const unneeded = new Set(segmentsBefore(all, step));
  const segments = all.filter((segment) => !unneeded.has(segment));
  const rounds: LoggedRound[] = [];
  const faults: SegmentFault[] = [];
  for (const { name, incarnation } of segments) {
    const path = join(logDirectory(runPath), name);
    const bytes = await disk.read(path).catch((error: NodeJS.ErrnoException) => {
      // Removed by a coordinator that runs, as nothing needs it any more.
      if (error.code === "ENOENT") return null;
      throw error;
    });
    if (bytes === null) continue;
    const scanned = scanSegment(path, incarnation, Buffer.from(bytes));
    rounds.push(...scanned.rounds);
    faults.push(...scanned.faults);
  }
  return { rounds, faults, segments };
}

function scanSegment(path: string, incarnation: number, bytes: Buffer): Pick<ReadLog, "rounds" | "faults"> {
  const rounds: LoggedRound[] = [];
  const faults: SegmentFault[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const decoded = decodeRecord(bytes, offset);
    if (decoded.type === "record") {
      const { head, body } = decoded.record;
      if (head.type === "round") rounds.push({ segment: path, head, body });
      offset = decoded.end;
      continue;
    }
    const next = findRecord(bytes, offset + 1);
    const end = next < 0 ? bytes.length : next;
    const { reason } = decoded;
    // Where a record follows, the one before was whole once.
    faults.push({
      path,
      incarnation,
      offset,
      bytes: end - offset,
      type: next < 0 ? decoded.type : "damaged",
      reason,
    });
    offset = end;
  }
  return { rounds, faults };
}
