import type { SimulatedProcess } from "./simulated-process.ts";

/** A network card: what is sent or received waits until what was before it has passed. */
export class NetworkCard {
  /** Bytes per ms each way. */
  readonly bytesPerMs: number;
  #sendBusyUntilMs = 0;
  #receiveBusyUntilMs = 0;

  constructor(bytesPerMs: number) {
    this.bytesPerMs = bytesPerMs;
  }

  /** When the last of `bytes` has left. */
  send(bytes: number, nowMs: number): number {
    this.#sendBusyUntilMs = Math.max(this.#sendBusyUntilMs, nowMs) + bytes / this.bytesPerMs;
    return this.#sendBusyUntilMs;
  }

  /** When the last of `bytes` has come in, where it arrives at `lastMs` at the earliest. */
  receive(bytes: number, lastMs: number): number {
    const ms = bytes / this.bytesPerMs;
    this.#receiveBusyUntilMs = Math.max(this.#receiveBusyUntilMs + ms, lastMs);
    return this.#receiveBusyUntilMs;
  }
}

/** A process and the network card that it speaks through. */
export interface Machine {
  readonly process: SimulatedProcess;
  readonly card: NetworkCard;
}
