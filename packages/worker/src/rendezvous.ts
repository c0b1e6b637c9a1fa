/** Threads that wait for each other, once. Shared by them. */
export type Rendezvous = SharedArrayBuffer;

export function createRendezvous(): Rendezvous {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Blocks the calling thread until `count` threads have arrived, or for `ms`.
 *
 * @returns false if some have not arrived in time
 */
export function arrive(rendezvous: Rendezvous, count: number, ms: number): boolean {
  const view = new Int32Array(rendezvous);
  const deadlineMs = performance.now() + ms;
  Atomics.add(view, 0, 1);
  Atomics.notify(view, 0);
  for (;;) {
    const arrived = Atomics.load(view, 0);
    if (arrived >= count) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) return false;
    Atomics.wait(view, 0, arrived, leftMs);
  }
}
