import type { Target } from "@shoal/graph/run";
import type { Piscina } from "piscina";
import type { BlockResult } from "./block-job.ts";
import type { ComputeTask } from "./compute-thread.ts";
import { NATIVE_CALL_MS_MAX } from "./limits.ts";
import { endNativeCalls, type NativeCalls, waitForNativeCalls } from "./native-calls.ts";
import type { ThreadReply } from "./thread-reply.ts";

type Reply = ThreadReply<BlockResult | null>;

export interface ComputePoolOptions {
  /** Of the device, as `compile` of the graph package takes it. */
  readonly name: string;
  /** What its graphs are lowered for; null: it takes them as they are. */
  readonly target: Target | null;
  readonly threads: number;
  /** Threads of `compute-thread`, which count their native calls in `calls`. */
  readonly pool: Piscina<ComputeTask, Reply>;
  readonly calls: NativeCalls;
}

/** The compute threads of one device, which are never torn down inside a native call. */
export class ComputePool {
  readonly name: string;
  readonly target: Target | null;
  readonly threads: number;
  readonly #pool: Piscina<ComputeTask, Reply>;
  readonly #calls: NativeCalls;
  readonly #tasks = new Set<Promise<unknown>>();

  constructor({ name, target, threads, pool, calls }: ComputePoolOptions) {
    this.name = name;
    this.target = target;
    this.threads = threads;
    this.#pool = pool;
    this.#calls = calls;
    process.on("exit", this.#onExit);
  }

  /** Tasks per thread that were handed over and are not done. */
  get load(): number {
    return this.#tasks.size / this.threads;
  }

  /** @param task counts from now on, also while it is still to come */
  async run(
    task: ComputeTask | Promise<ComputeTask>,
    transferList: readonly ArrayBuffer[] = [],
  ): Promise<Reply> {
    const running = Promise.resolve(task).then((ready) =>
      this.#pool.run(ready, { transferList: [...transferList] }),
    );
    this.#tasks.add(running);
    try {
      return await running;
    } finally {
      this.#tasks.delete(running);
    }
  }

  /**
   * Ends the threads, each after the leaf that it is in; the rest of their blocks is lost. A thread whose leaf
   * does not end in time is left to itself: it ends after it, or with the process.
   */
  async close(): Promise<void> {
    endNativeCalls(this.#calls);
    let timer: NodeJS.Timeout | undefined;
    const isLate = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), NATIVE_CALL_MS_MAX);
    });
    const areDone = Promise.allSettled(this.#tasks).then(() => false);
    const isStuck = await Promise.race([areDone, isLate]);
    clearTimeout(timer);
    if (isStuck) return;
    process.off("exit", this.#onExit);
    await this.#pool.destroy();
  }

  /** A process that ends tears its threads down, whatever they are in. */
  readonly #onExit = (): void => {
    endNativeCalls(this.#calls);
    // It would abort; so it is killed, which says as much and leaves no core dump.
    if (!waitForNativeCalls(this.#calls, NATIVE_CALL_MS_MAX)) process.kill(process.pid, "SIGKILL");
  };
}
