import { createRandom } from "@shoal/core/outer";
import type { Lease, WorkerMessage } from "@shoal/protocol";
import { runWorker } from "@shoal/worker";
import type { Trouble } from "./fault.ts";
import { type Machine, NetworkCard } from "./machine.ts";
import { MadeUpProgram } from "./made-up-program.ts";
import type { Network } from "./network.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { Watcher } from "./watcher.ts";
import type { World } from "./world.ts";

export interface WorkerSpec {
  readonly slots: number;
  readonly taskMs: number;
  readonly prepareMs: number;
  /** How fast its clock goes; 1: as the world's. */
  readonly clockRate: number;
  /** Broken for good: every block that it computes meets this. */
  readonly broken?: Trouble;
}

export interface WorkerNodeOptions {
  readonly world: World;
  readonly network: Network;
  readonly watcher: Watcher;
  readonly seed: number;
  readonly index: number;
  readonly spec: WorkerSpec;
  readonly bytesPerMs: number;
}

/** Pause before a worker that ended by itself is started again, in ms: doubled each time. */
const RESTART_MS_MIN = 1_000;
const RESTART_MS_MAX = 60_000;

/** How long a worker looks for a coordinator, in ms: the default of `shoal worker`. */
const RECONNECT_MS = 300_000;

/** A machine with a worker that somebody starts again whenever it ends before the run does. */
export class WorkerNode {
  readonly name: string;
  readonly #options: WorkerNodeOptions;
  readonly #card: NetworkCard;
  #machine: Machine | null = null;
  #leave = new AbortController();
  #startCount = 0;
  #endCount = 0;
  #isDone = false;
  #trouble: Trouble | null = null;

  constructor(options: WorkerNodeOptions) {
    this.#options = options;
    this.name = `worker-${options.index}`;
    this.#card = new NetworkCard(options.bytesPerMs);
  }

  get process(): SimulatedProcess | null {
    return this.#machine?.process ?? null;
  }

  start(): void {
    if (this.#isDone || this.#machine?.process.isAlive === true) return;
    const { world, watcher, seed, index, spec } = this.#options;
    const random = createRandom(seed, 20, index, ++this.#startCount);
    const process = new SimulatedProcess({
      world,
      name: this.name,
      clockStartMs: 1000 * random.uniform(),
      clockRate: spec.clockRate,
      onException: (error) => watcher.violate(`${this.name} died of ${(error as Error).stack}`),
    });
    process.onDeath(() => watcher.processDied(process));
    const machine: Machine = { process, card: this.#card };
    this.#machine = machine;
    this.#leave = new AbortController();
    const { signal } = this.#leave;
    world.note(this.name, () => `starts (${this.#startCount}.)`);
    process.run(() => {
      void this.#run(machine, signal, random).then((outcome) => {
        if (!process.isAlive) return;
        world.note(this.name, () => `ended: ${outcome.outcome} (${outcome.message})`);
        this.#kill(true);
        if (outcome.outcome === "complete") {
          this.#isDone = true;
          return;
        }
        const pauseMs = Math.min(RESTART_MS_MIN * 2 ** this.#endCount++, RESTART_MS_MAX);
        world.after(pauseMs, () => this.start());
      });
    });
  }

  #run(
    machine: Machine,
    signal: AbortSignal,
    random: ReturnType<typeof createRandom>,
  ): ReturnType<typeof runWorker> {
    const { network, watcher, world, spec } = this.#options;
    const { process } = machine;
    const leases = new Map<number, Lease>();
    return runWorker({
      url: "ws://coordinator",
      version: "0.1.0",
      name: this.name,
      identity: { host: this.name, pid: this.#startCount },
      devices: [],
      taskSourceModule: "",
      taskSourceOptions: null,
      reconnectForMs: RECONNECT_MS,
      signal,
      clock: process.clock,
      uniform: () => random.uniform(),
      connect: (giveUp) =>
        network.connect(
          this.name,
          machine,
          {
            onReceive: (message) => {
              world.note(this.name, () => `hears ${describeMessage(message)}`);
              if (message.type === "lease") leases.set(message.leaseId, message);
            },
            onSend: (message: WorkerMessage) => {
              world.note(this.name, () => `says ${describeMessage(message)}`);
              if (message.type === "result") watcher.resultSent(message);
            },
            onBytes: (bytes) => watcher.bytesUp(bytes),
          },
          giveUp,
        ),
      openProgram: () =>
        MadeUpProgram.open({
          clock: process.clock,
          random,
          slots: spec.slots,
          taskMs: spec.taskMs,
          prepareMs: spec.prepareMs * (0.8 + 0.4 * random.uniform()),
          nextTrouble: () => {
            const trouble = this.#trouble ?? spec.broken ?? null;
            this.#trouble = null;
            if (trouble !== null) world.note(this.name, () => `next block: ${trouble}`);
            return trouble;
          },
          onParams: (version, params) => watcher.paramsUsed(version, params),
          onWork: () => watcher.workBegins(process),
          onWrongBits: () => watcher.wrongBitsSent(),
        }),
    });
  }

  trouble(trouble: Trouble): void {
    this.#trouble = trouble;
  }

  /** Ends at once, and is started again. `isSaid`: the kernel tells the other side. */
  kill(restartMs: number, isSaid: boolean): void {
    if (this.#machine?.process.isAlive !== true) return;
    this.#kill(isSaid);
    this.#options.world.after(restartMs, () => this.start());
  }

  /** SIGTERM. */
  leave(): void {
    const leave = this.#leave;
    this.#machine?.process.run(() => leave.abort());
  }

  #kill(isSaid: boolean): void {
    this.#machine?.process.kill();
    this.#options.network.hangUp(this.name, isSaid);
  }
}

/** A message in a few words, for the trace. */
export function describeMessage(message: { readonly type: string }): string {
  return Object.entries(message)
    .filter(([key]) => key !== "experiment")
    .map(([key, value]) => (key === "type" ? value : `${key}=${JSON.stringify(value)}`))
    .join(" ");
}
