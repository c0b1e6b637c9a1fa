import { join } from "node:path";
import type { Disk } from "../disk.ts";
import type { FullDisk } from "../full-disk.ts";
import { JOURNAL_QUEUE_BYTES_MAX } from "../limits.ts";
import { AppendedFile } from "./appended-file.ts";
import {
  type LedgerEntry,
  type LedgerStart,
  ledgerPath,
  ledgerRound,
  linkEntries,
  readLedgerEnd,
} from "./ledger.ts";
import { encodeRecord, type RoundHead } from "./log-record.ts";
import { metricsPath } from "./metrics-file.ts";
import { listSegments, logDirectory, segmentName, segmentsBefore } from "./read-log.ts";

export interface JournalOptions {
  readonly disk: Disk;
  readonly runPath: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly fullDisk: FullDisk;
  /** Told once, when the disk refuses for good; nothing is written after that. */
  readonly onFailure: (error: Error) => void;
}

/** What is on its way to the disk. */
interface Entry {
  /** Which segment it goes to, and the step where that one begins. */
  readonly segment: { readonly number: number; readonly step: number };
  readonly record: readonly Uint8Array[];
  readonly metric: string;
  readonly ledger: LedgerEntry;
  readonly bytes: number;
}

/**
 * Writes what a run commits: each round to the log, then to `metrics.jsonl` and to the ledger.
 *
 * It writes in the background while the next round is computed, and everything that waits goes out in one
 * write and one sync. So a crash of the process loses nothing that was written, a crash of the machine
 * at most the rounds of the last write, and both lose time only: a round that is computed again gives the
 * same bits. Nothing that a worker or a reader sees has to be taken back for it.
 *
 * Cost, measured for 112,000 parameters: see `docs/durability.md`.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #metrics: AppendedFile;
  readonly #ledger: AppendedFile;
  #ledgerHash: string;
  #queue: Entry[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  /** Entries so far, and how many of them are written. */
  #entryCount = 0;
  #writtenCount = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #failure: Error | null = null;
  #segment: { readonly number: number; readonly file: AppendedFile } | null = null;
  #next = { number: 0, step: 0 };
  #bytesInSegment = 0;

  /** @throws what the disk says */
  static async open(options: JournalOptions): Promise<Journal> {
    const { disk, runPath } = options;
    const ledger = await readLedgerEnd(disk, runPath, Number.POSITIVE_INFINITY);
    const metrics = await disk.find(metricsPath(runPath));
    return new Journal(options, ledger, metrics?.bytes ?? 0);
  }

  private constructor(
    options: JournalOptions,
    ledger: { readonly bytes: number; readonly hash: string },
    metricsBytes: number,
  ) {
    const { disk, runPath } = options;
    this.#options = options;
    this.#metrics = new AppendedFile(disk, metricsPath(runPath), metricsBytes);
    this.#ledger = new AppendedFile(disk, ledgerPath(runPath), ledger.bytes);
    this.#ledgerHash = ledger.hash;
  }

  /** Bytes of log since the last call of `beginSegment`. */
  get bytesInSegment(): number {
    return this.#bytesInSegment;
  }

  /** True while so much waits for the disk that the next round should wait too. */
  get isBehind(): boolean {
    return (
      this.#failure === null && (this.#queuedBytes > JOURNAL_QUEUE_BYTES_MAX || this.#options.fullDisk.isFull)
    );
  }

  /** Says in the ledger that a coordinator starts. */
  start(entry: LedgerStart): void {
    this.beginSegment(entry.step);
    this.#enqueue({ segment: this.#next, record: [], metric: "", ledger: entry, bytes: 0 });
  }

  /** Commits a round. @param body its gradient and statistics; must not be changed any more */
  commit(head: RoundHead, body: readonly Uint8Array[]): void {
    const record = encodeRecord(head, body);
    const bytes = record.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#bytesInSegment += bytes;
    const metric = `${JSON.stringify(head.metric)}\n`;
    this.#enqueue({ segment: this.#next, record, metric, ledger: ledgerRound(head), bytes });
  }

  /** The rounds after `step` go to a file of their own: they will outlive those before. */
  beginSegment(step: number): void {
    this.#next = { number: this.#next.number + 1, step };
    this.#bytesInSegment = 0;
  }

  /**
   * Makes durable what was committed so far, the lines of `metrics.jsonl` and of the ledger too: a start
   * makes lines again from the log behind its checkpoint, and no others.
   */
  async sync(): Promise<void> {
    // What cannot be written is told already, and needs no second error.
    if ((await this.settle()) !== null) return;
    await Promise.all([this.#metrics.sync(), this.#ledger.sync()]);
  }

  /** Removes what of the log nothing needs once the oldest checkpoint is that of `step`. */
  async removeBefore(step: number): Promise<void> {
    const { disk, runPath } = this.#options;
    const segments = await listSegments(disk, runPath);
    for (const { name } of segmentsBefore(segments, step)) {
      await disk.remove(join(logDirectory(runPath), name));
    }
  }

  /** Waits until all that was committed so far is durable. @returns why it is not, or null */
  async settle(): Promise<Error | null> {
    const count = this.#entryCount;
    if (this.#isWriting && this.#writtenCount < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.#failure;
  }

  async close(): Promise<Error | null> {
    const failure = await this.settle();
    await Promise.all([this.#segment?.file.close(), this.#metrics.close(), this.#ledger.close()]);
    return failure;
  }

  #enqueue(entry: Entry): void {
    if (this.#failure !== null) return;
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes;
    this.#entryCount++;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // What is committed in one go is written in one go.
    await Promise.resolve();
    const { fullDisk, onFailure } = this.#options;
    try {
      while (this.#queue.length > 0) {
        const batch = this.#takeBatch();
        await fullDisk.retry("the log", () => this.#appendToLog(batch));
        const metrics = Buffer.from(batch.map(({ metric }) => metric).join(""));
        await fullDisk.retry("metrics.jsonl", () => this.#metrics.append([metrics], false));
        const { text, last } = linkEntries(
          this.#ledgerHash,
          batch.map(({ ledger }) => ledger),
        );
        // Lines of rounds can be made again from the log, those of starts cannot.
        const durable = batch[0]!.ledger.type === "start";
        await fullDisk.retry("ledger.jsonl", () => this.#ledger.append([Buffer.from(text)], durable));
        this.#ledgerHash = last;
        this.#queuedBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
        this.#writtenCount += batch.length;
        this.#wake(this.#writtenCount);
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#queue = [];
      onFailure(this.#failure);
    } finally {
      this.#isWriting = false;
      this.#wake(this.#entryCount);
    }
  }

  /** Tells those who wait for the first `count` entries. */
  #wake(count: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.count > count);
    for (const one of waiting) if (one.count <= count) one.resolve();
  }

  /** What goes out in one write: the rounds of one segment, or one start. */
  #takeBatch(): readonly Entry[] {
    const first = this.#queue[0]!;
    if (first.ledger.type === "start") return this.#queue.splice(0, 1);
    const end = this.#queue.findIndex(({ segment }) => segment.number !== first.segment.number);
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  async #appendToLog(batch: readonly Entry[]): Promise<void> {
    const records = batch.flatMap(({ record }) => record);
    if (records.length === 0) return;
    const { number, step } = batch[0]!.segment;
    if (this.#segment?.number !== number) {
      await this.#segment?.file.close();
      const { disk, runPath, incarnation } = this.#options;
      const path = join(logDirectory(runPath), segmentName(step, incarnation));
      this.#segment = { number, file: new AppendedFile(disk, path, 0) };
    }
    const { file } = this.#segment;
    const { runId, incarnation } = this.#options;
    const head = file.bytes > 0 ? [] : encodeRecord({ type: "segment", format: 1, runId, incarnation, step });
    await file.append([...head, ...records], true);
  }
}
