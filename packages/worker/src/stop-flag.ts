import { ShoalError } from "@shoal/core/outer";

/** Tells a compute thread, between two leaves, that nobody wants its block any more. Shared by threads. */
export type StopFlag = SharedArrayBuffer;

export function createStopFlag(): StopFlag {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export function raise(flag: StopFlag): void {
  Atomics.store(new Int32Array(flag), 0, 1);
}

export function isRaised(flag: StopFlag): boolean {
  return Atomics.load(new Int32Array(flag), 0) !== 0;
}

/** @throws {ShoalError} E_REVOKED if the flag was raised */
export function throwIfRaised(flag: StopFlag): void {
  if (isRaised(flag)) throw revoked();
}

/** What becomes of a block that was revoked, or given back. */
export function revoked(): ShoalError {
  return new ShoalError("E_REVOKED", "the block was not wanted any more, and was stopped");
}
