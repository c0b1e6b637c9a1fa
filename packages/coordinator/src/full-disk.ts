import { type Clock, sleep } from "@shoal/protocol";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import { FULL_DISK_RETRY_MS } from "./limits.ts";
import type { Wait } from "./waits.ts";

export interface FullDiskOptions {
  readonly clock: Clock;
  /** How long to wait for room, in ms. */
  readonly waitMs: number;
  readonly onEvent: (event: CoordinatorEvent) => void;
}

/** Errors that go away when somebody makes room. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Tries a write again and again while the disk is full, for a while, and says so. */
export class FullDisk {
  readonly #options: FullDiskOptions;
  readonly #over = new AbortController();
  /** What waits for room, since when. */
  readonly #waiting = new Map<string, { readonly sinceMs: number; readonly message: string }>();

  constructor(options: FullDiskOptions) {
    this.#options = options;
  }

  /** True while a write waits for room. */
  get isFull(): boolean {
    return this.#waiting.size > 0;
  }

  /** What the run waits for, for those who ask. */
  get waits(): readonly Wait[] {
    return [...this.#waiting].map(([what, { sinceMs, message }]) => ({
      waiter: "the run",
      what: `room on the disk for ${what}`,
      reason: message,
      owner: "who keeps the disk",
      sinceMs,
      expectedMs: null,
      untilMs: sinceMs + this.#options.waitMs,
      ending: "the run ends",
    }));
  }

  /** From now on a full disk is an error at once. */
  giveUp(): void {
    this.#over.abort();
  }

  /**
   * @param what is written, for people
   * @throws what the disk says, a full one only after `waitMs`
   */
  async retry<T>(what: string, write: () => Promise<T>): Promise<T> {
    const { clock, waitMs, onEvent } = this.#options;
    for (;;) {
      try {
        const result = await write();
        const waited = this.#waiting.get(what);
        this.#waiting.delete(what);
        if (waited !== undefined && !this.isFull) {
          onEvent({ type: "disk-has-room", waitedMs: clock.nowMs() - waited.sinceMs });
        }
        return result;
      } catch (error) {
        const { message } = error as Error;
        const sinceMs = this.#waiting.get(what)?.sinceMs ?? clock.nowMs();
        const remainingMs = sinceMs + waitMs - clock.nowMs();
        if (this.#over.signal.aborted || remainingMs <= 0 || !isFullDisk(error)) {
          this.#waiting.delete(what);
          throw error;
        }
        this.#waiting.set(what, { sinceMs, message });
        onEvent({ type: "disk-full", what, message, remainingMs });
        await sleep(clock, Math.min(FULL_DISK_RETRY_MS, remainingMs), this.#over.signal);
      }
    }
  }
}

/** True for the error of a full disk, and for one that was caused by it. */
function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && FULL.has(String(error.code))) || isFullDisk(error.cause);
}
