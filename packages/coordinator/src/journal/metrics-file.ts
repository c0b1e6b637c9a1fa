import { join } from "node:path";
import type { Disk } from "../disk.ts";
import { writeDurably } from "../write-durably.ts";
import { AppendedFile } from "./appended-file.ts";

/** A line of `metrics.jsonl`: of a step, or of an evaluation at a step. */
export interface Metric {
  readonly type?: unknown;
  readonly step: number;
  readonly [name: string]: unknown;
}

export function metricsPath(runPath: string): string {
  return join(runPath, "metrics.jsonl");
}

/**
 * Makes `metrics.jsonl` say what is committed: lines of later steps go, because those are computed and
 * written again; lines that are `logged` and missing come. The evaluations of `step` itself stay.
 *
 * A file that holds damaged lines in its middle is kept beside the new one, as `metrics.jsonl.damaged`.
 *
 * @returns its lines, and how many were damaged
 */
export async function restoreMetrics(
  disk: Disk,
  runPath: string,
  step: number,
  logged: readonly Metric[] = [],
): Promise<{ readonly metrics: readonly Metric[]; readonly damagedLines: number }> {
  const path = metricsPath(runPath);
  const before = (await disk.find(path)) === null ? "" : new TextDecoder().decode(await disk.read(path));
  const lines = before.split("\n");
  // The last line of a process that was killed may be cut off: that is no damage.
  const parsed = lines.map(parseMetric);
  const damagedLines = parsed.slice(0, -1).filter((metric) => metric === null).length;
  const metrics = parsed.filter((metric) => metric !== null && metric.step <= step) as Metric[];
  const known = new Set(metrics.map(keyOf));
  for (const metric of logged) {
    if (known.has(keyOf(metric))) continue;
    // Behind what comes before it, and evaluations of a step behind the step: as they were written.
    metrics.splice(metrics.findLastIndex((other) => other.step <= metric.step) + 1, 0, metric);
  }
  const text = metrics.map((metric) => `${JSON.stringify(metric)}\n`).join("");
  if (damagedLines > 0) await writeDurably(disk, `${path}.damaged`, [Buffer.from(before)]);
  if (text !== before) await writeDurably(disk, path, [Buffer.from(text)]);
  else if (before !== "") await syncFile(disk, path, Buffer.byteLength(before));
  return { metrics, damagedLines };
}

/** A killed process has written what a power failure could still take away. */
async function syncFile(disk: Disk, path: string, bytes: number): Promise<void> {
  const file = new AppendedFile(disk, path, bytes);
  await file.sync();
  await file.close();
}

/** The metric in a line; null if it is none. */
export function parseMetric(line: string): Metric | null {
  try {
    const metric: unknown = JSON.parse(line);
    const isMetric =
      typeof metric === "object" && metric !== null && "step" in metric && typeof metric.step === "number";
    return isMetric ? (metric as Metric) : null;
  } catch {
    return null;
  }
}

/** What makes two lines speak of the same thing. */
function keyOf({ type, step, purpose, tasks }: Metric): string {
  return JSON.stringify([type, step, purpose, tasks]);
}
