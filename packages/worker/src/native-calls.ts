import { ShoalError } from "@shoal/core/outer";

/**
 * Native calls of compute threads, seen from all threads: how many are under way, and whether new ones may
 * begin.
 *
 * A thread that is torn down while ONNX Runtime runs on it takes the whole process along: the call comes back
 * into an environment that is gone, throws, and nobody can catch it (SIGABRT). So whoever ends threads says
 * that no call may begin, and waits for those that have begun: at most one leaf each.
 */
export type NativeCalls = SharedArrayBuffer;

const UNDER_WAY = 0;
const IS_OVER = 1;

export function createNativeCalls(): NativeCalls {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * In a compute thread: makes a native call.
 *
 * @throws {ShoalError} E_CLOSED if the threads are about to be ended
 */
export async function callNative<T>(calls: NativeCalls, call: () => Promise<T>): Promise<T> {
  const view = new Int32Array(calls);
  // Counted first, so that whoever ends the threads either sees this call or is seen by it.
  Atomics.add(view, UNDER_WAY, 1);
  try {
    if (Atomics.load(view, IS_OVER) === 1) throw new ShoalError("E_CLOSED", "the compute thread is closed");
    return await call();
  } finally {
    Atomics.sub(view, UNDER_WAY, 1);
    Atomics.notify(view, UNDER_WAY);
  }
}

/** From now on no native call begins. */
export function endNativeCalls(calls: NativeCalls): void {
  Atomics.store(new Int32Array(calls), IS_OVER, 1);
}

/**
 * Blocks the calling thread until no native call is under way: for the end of a process.
 *
 * @returns false if one still is after `ms`
 */
export function waitForNativeCalls(calls: NativeCalls, ms: number): boolean {
  const view = new Int32Array(calls);
  const deadlineMs = performance.now() + ms;
  for (;;) {
    const underWay = Atomics.load(view, UNDER_WAY);
    if (underWay === 0) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) return false;
    Atomics.wait(view, UNDER_WAY, underWay, leftMs);
  }
}
