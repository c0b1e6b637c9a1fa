import type { Random } from "@shoal/core/outer";
import { CLOSE_CODES, type Closed } from "@shoal/protocol";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** What one end of a line does with what comes. */
export interface LineEnd {
  receive(frame: Uint8Array): void;
  /** The other side has sent a close frame. */
  closeReceived(closed: Closed): void;
  /** The line is gone without one. */
  broken(reason: string): void;
}

export interface LineOptions {
  readonly world: World;
  readonly random: Random;
  readonly from: Machine;
  readonly to: Machine;
  /** One way, in ms: at least this, and on top an exponential jitter with this mean. */
  readonly latencyMs: number;
  readonly jitterMs: number;
}

/**
 * One direction of a connection, as TCP gives it: in order, nothing lost and nothing twice, until it
 * breaks. It can stall (packets are lost and sent again for a while), go silent for ever (half-open: the
 * sender is told nothing), or break.
 */
export class Line {
  readonly #options: LineOptions;
  readonly end: LineEnd;
  /** Bytes that the network card has not taken yet. */
  bufferedBytes = 0;
  #lastMs = 0;
  #stalledUntilMs = 0;
  #isOpen = true;

  constructor(options: LineOptions, end: LineEnd) {
    this.#options = options;
    this.end = end;
  }

  /** @param bytesExtra how much longer than it is the frame counts */
  send(frame: Uint8Array, bytesExtra: number): void {
    const { world, from, to } = this.#options;
    const bytes = frame.byteLength + bytesExtra;
    this.bufferedBytes += bytes;
    const sentMs = from.card.send(bytes, world.nowMs);
    world.at(sentMs, () => {
      this.bufferedBytes -= bytes;
    });
    this.#arriveAt(to.card.receive(bytes, sentMs + this.#delayMs()), () => this.end.receive(frame));
  }

  sendClose(closed: Closed): void {
    const { world } = this.#options;
    this.#arriveAt(world.nowMs + this.#delayMs(), () => this.end.closeReceived(closed));
  }

  /** Nothing arrives for `ms`, and then all of it. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#options.world.nowMs + ms);
  }

  /** Nothing arrives any more, and nobody is told. */
  goSilent(): void {
    this.#isOpen = false;
  }

  /** What is on its way is lost, and the receiver is told soon. */
  break(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { world, to } = this.#options;
    world.after(this.#delayMs(), () => to.process.run(() => this.end.broken(reason)));
  }

  #arriveAt(atMs: number, deliver: () => void): void {
    this.#lastMs = Math.max(this.#lastMs, atMs);
    this.#options.world.at(this.#lastMs, () => this.#arrive(deliver));
  }

  #arrive(deliver: () => void): void {
    if (!this.#isOpen) return;
    const { world, to } = this.#options;
    if (world.nowMs < this.#stalledUntilMs) {
      // All that waits for the end of the stall is arranged in its order.
      world.at(this.#stalledUntilMs, () => this.#arrive(deliver));
      return;
    }
    to.process.run(deliver);
  }

  #delayMs(): number {
    const { random, latencyMs, jitterMs } = this.#options;
    return latencyMs - jitterMs * Math.log(1 - random.uniform());
  }
}

/** Why a line broke, as an end is told. */
export function brokenOff(reason: string): Closed {
  return { code: CLOSE_CODES.abnormal, reason };
}
