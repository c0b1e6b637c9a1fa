import { EventEmitter, once } from "node:events";
import {
  type CoordinatorConnection,
  createMemoryTransport,
  type Lease,
  type WorkerMessage,
  type WorkerWait,
} from "@shoal/protocol";
import { type RunWorkerOptions, runWorker, type WorkerOutcome } from "../run-worker.ts";
import { lineExperiment, programOptions } from "../test-line-experiment.ts";
import type { WorkerEvent } from "../worker-event.ts";

type Received = { readonly message: WorkerMessage; readonly body: Float32Array | null };

/** A coordinator that does what the test says, over the real wire format. */
export class Script {
  readonly connections: CoordinatorConnection[] = [];
  readonly received: Received[] = [];
  readonly events: WorkerEvent[] = [];
  readonly #emitter = new EventEmitter();
  readonly #leave = new AbortController();
  outcome: Promise<WorkerOutcome> | null = null;

  start(options: Partial<RunWorkerOptions> = {}): this {
    this.outcome = runWorker({
      url: "ws://127.0.0.1:1",
      version: "0.0.0",
      reconnectForMs: 5_000,
      signal: this.#leave.signal,
      onEvent: (event) => {
        this.events.push(event);
        this.#emitter.emit("change");
      },
      connect: async () => {
        const [coordinator, worker] = createMemoryTransport();
        this.connections.push(coordinator);
        coordinator.onMessage((message, body) => {
          this.received.push({ message, body });
          this.#emitter.emit("change");
        });
        coordinator.onClose(() => this.#emitter.emit("change"));
        this.#emitter.emit("change");
        return worker;
      },
      devices: programOptions.devices,
      taskSourceModule: programOptions.taskSourceModule,
      taskSourceOptions: programOptions.taskSourceOptions,
      graphCache: null,
      ...options,
    });
    return this;
  }

  get connection(): CoordinatorConnection {
    return this.connections.at(-1)!;
  }

  leave(): void {
    this.#leave.abort();
  }

  /** The `count`-th message of a type, now or when it comes. */
  async message<T extends WorkerMessage["type"]>(
    type: T,
    count = 1,
  ): Promise<{ message: Extract<WorkerMessage, { type: T }>; body: Float32Array | null }> {
    for (;;) {
      const found = this.received.filter(({ message }) => message.type === type)[count - 1];
      if (found !== undefined) return found as never;
      await once(this.#emitter, "change");
    }
  }

  /** The first heartbeat that names this lease. */
  async heartbeatWith(leaseId: number): Promise<void> {
    const names = ({ message }: Received): boolean =>
      message.type === "heartbeat" && message.leases.includes(leaseId);
    while (!this.received.some(names)) await once(this.#emitter, "change");
  }

  /** The first heartbeat that says that it waits for this. */
  async heartbeatFor(waitedFor: WorkerWait["for"]): Promise<void> {
    const says = ({ message }: Received): boolean =>
      message.type === "heartbeat" && message.wait?.for === waitedFor;
    while (!this.received.some(says)) await once(this.#emitter, "change");
  }

  async connected(count: number): Promise<void> {
    while (this.connections.length < count) await once(this.#emitter, "change");
  }

  welcome(changes: Record<string, unknown> = {}): void {
    this.connection.send({
      type: "welcome",
      protocol: 1,
      runId: "run-1",
      workerId: "w1",
      incarnation: 1,
      heartbeatMs: 1_000,
      silenceMs: 20_000,
      experiment: lineExperiment,
      dataHash: null,
      ...changes,
    } as never);
  }

  /** hello, welcome, ready. */
  async join(): Promise<number> {
    const before = this.received.filter(({ message }) => message.type === "ready").length;
    await this.message("hello", this.connections.length || 1);
    this.welcome();
    return (await this.message("ready", before + 1)).message.paramCount;
  }

  lease(changes: Partial<Lease> = {}): void {
    this.connection.send({
      type: "lease",
      leaseId: 1,
      round: 0,
      kind: "train",
      version: 0,
      split: "train",
      level: 1,
      index: 0,
      leafCount: 8,
      tasksPerLeaf: 1,
      firstEpisode: 0,
      taskCount: 8,
      leaseMs: 10_000,
      ...changes,
    });
  }

  params(version: number, paramCount: number, value = 0.1): void {
    this.connection.send({ type: "params", version }, new Float32Array(paramCount).fill(value));
  }

  done(): void {
    this.connection.send({ type: "done", outcome: "complete", message: "all steps are done" });
  }
}
