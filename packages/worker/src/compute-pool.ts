import type { Target } from "@shoal/graph/run";
import type { Piscina } from "piscina";
import type { BlockResult } from "./block-job.ts";
import type { ComputeTask } from "./compute-thread.ts";
import { NATIVE_CALL_MS_MAX } from "./limits.ts";
import { endNativeCalls, type NativeCalls, waitForNativeCalls } from "./native-calls.ts";
import { createRendezvous } from "./rendezvous.ts";
import { type ThreadReply, unwrap } from "./thread-reply.ts";

type Reply = ThreadReply<Target | BlockResult | null>;

export interface ComputePoolOptions {
  /** Of the device, as `compile` of the graph package takes it. */
  readonly name: string;
  readonly threads: number;
  /** Threads of `compute-thread`, which count their native calls in `calls`. */
  readonly pool: Piscina<ComputeTask, Reply>;
  readonly calls: NativeCalls;
}

/** The compute threads of one device, which are never torn down inside a native call. */
export class ComputePool {
  readonly name: string;
  readonly threads: number;
  #target: Target | null = null;
  readonly #pool: Piscina<ComputeTask, Reply>;
  readonly #calls: NativeCalls;
  readonly #tasks = new Set<Promise<unknown>>();

  constructor({ name, threads, pool, calls }: ComputePoolOptions) {
    this.name = name;
    this.threads = threads;
    this.#pool = pool;
    this.#calls = calls;
    process.on("exit", this.#onExit);
  }

  /** What graphs are serialized for, once the pool has started; null: they are taken as they are. */
  get target(): Target | null {
    return this.#target;
  }

  /**
   * Waits until each thread has loaded what it computes with: one that is ended in the middle of loading a native
   * module takes the process with it.
   */
  async start(): Promise<void> {
    const { threads } = this;
    const [first] = await this.runOnEach({ type: "start", threads, rendezvous: createRendezvous() });
    this.#target = unwrap(first as ThreadReply<Target | null>);
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

  /** The same task on each thread: as many at once as there are idle threads. */
  runOnEach(task: ComputeTask): Promise<Reply[]> {
    return Promise.all(Array.from({ length: this.threads }, () => this.run(task)));
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
