import { createRandom } from "@shoal/core/outer";
import {
  CLOSE_CODES,
  CONNECT_MS,
  type CoordinatorConnection,
  type CoordinatorMessage,
  coordinatorVocabulary,
  Decoder,
  HELLO_MS,
  LIMITS_AFTER_HELLO,
  LIMITS_BEFORE_HELLO,
  ProtocolError,
  type WorkerConnection,
  type WorkerMessage,
  workerVocabulary,
} from "@shoal/protocol";
import { Line } from "./line.ts";
import type { Machine } from "./machine.ts";
import { type ConnectionTap, SimulatedConnection } from "./simulated-connection.ts";
import type { World } from "./world.ts";

type CoordinatorTap = ConnectionTap<CoordinatorMessage, WorkerMessage>;
type WorkerTap = ConnectionTap<WorkerMessage, CoordinatorMessage>;

/** Who listens for workers. */
export interface Listener {
  readonly machine: Machine;
  /** Sees what the coordinator's end of a worker's connection says and hears. */
  tapFor(workerName: string): CoordinatorTap;
  attach(connection: CoordinatorConnection): void;
}

export interface NetworkOptions {
  readonly world: World;
  readonly seed: number;
  /** One way, in ms. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly vectorBytesExtra: number;
}

/** A worker's connection to the coordinator: two lines, and what can be done to them. */
export interface Link {
  readonly workerName: string;
  readonly toCoordinator: Line;
  readonly toWorker: Line;
  /** False once neither end believes in it. */
  isThere(): boolean;
}

/** Every connection between the workers and the coordinator, and all that a network does to them. */
export class Network {
  readonly #options: NetworkOptions;
  #links: Link[] = [];
  #linkCount = 0;
  #listener: Listener | null = null;
  /** Until when a worker cannot be reached, by name. */
  readonly #partitionedUntilMs = new Map<string, number>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** The connections that one end at least believes in. */
  get links(): readonly Link[] {
    this.#links = this.#links.filter((link) => link.isThere());
    return this.#links;
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    const { process } = listener.machine;
    process.onDeath(() => {
      if (this.#listener === listener) this.#listener = null;
    });
  }

  /** Takes no more connections. */
  deafen(): void {
    this.#listener = null;
  }

  /** A process died, and its kernel says so to whoever it spoke with; or its host did, and nobody says so. */
  hangUp(workerName: string | null, isSaid: boolean): void {
    for (const link of this.links) {
      if (workerName !== null && link.workerName !== workerName) continue;
      for (const line of [link.toCoordinator, link.toWorker]) {
        if (isSaid) line.break("connection reset");
        else line.goSilent();
      }
    }
  }

  /** Nothing passes between a worker and the coordinator for `ms`; connections live on. */
  partition(workerName: string, ms: number): void {
    const untilMs = this.#options.world.nowMs + ms;
    this.#partitionedUntilMs.set(workerName, untilMs);
    for (const link of this.links) if (link.workerName === workerName) this.stall(link, ms);
  }

  stall(link: Link, ms: number): void {
    link.toCoordinator.stall(ms);
    link.toWorker.stall(ms);
  }

  /** Connects a worker, as `connectWebSocket` does. */
  connect(name: string, worker: Machine, tap: WorkerTap, signal: AbortSignal): Promise<WorkerConnection> {
    const { world } = this.#options;
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const fail = (reason: string): void => {
        if (isSettled) return;
        isSettled = true;
        cancelTimeout();
        signal.removeEventListener("abort", giveUp);
        reject(new ProtocolError("E_CONNECT", `no coordinator at ws://coordinator: ${reason}`));
      };
      const giveUp = (): void => fail("given up");
      const cancelTimeout = worker.process.clock.after(CONNECT_MS, () => fail("no answer in time"));
      signal.addEventListener("abort", giveUp, { once: true });
      const partitionedMs = Math.max(0, (this.#partitionedUntilMs.get(name) ?? 0) - world.nowMs);
      // TCP's and HTTP's handshakes: two round trips.
      world.after(partitionedMs + 4 * this.#options.latencyMs, () => {
        const listener = this.#listener;
        if (listener === null) {
          worker.process.run(() => fail("connection refused"));
          return;
        }
        // A stopped coordinator answers the upgrade when it goes on.
        listener.machine.process.run(() => {
          if (isSettled || !worker.process.isAlive) return;
          const end = this.#join(name, worker, listener, tap);
          worker.process.run(() => {
            if (isSettled) {
              end.close(CLOSE_CODES.abnormal, "given up");
              return;
            }
            isSettled = true;
            cancelTimeout();
            signal.removeEventListener("abort", giveUp);
            resolve(end);
          });
        });
      });
    });
  }

  #join(name: string, worker: Machine, listener: Listener, tap: WorkerTap): WorkerConnection {
    const { world, seed, latencyMs, jitterMs, vectorBytesExtra } = this.#options;
    const number = ++this.#linkCount;
    const { machine } = listener;
    const coordinatorEnd: SimulatedConnection<CoordinatorMessage, WorkerMessage> = new SimulatedConnection({
      peer: name,
      clock: machine.process.clock,
      vocabulary: coordinatorVocabulary,
      decoder: new Decoder(workerVocabulary, LIMITS_BEFORE_HELLO, LIMITS_AFTER_HELLO),
      tap: listener.tapFor(name),
      vectorBytesExtra,
      // A connection stays in front of the door until it has said hello.
      onFirstMessage: () => listener.attach(coordinatorEnd),
    });
    const workerEnd = new SimulatedConnection<WorkerMessage, CoordinatorMessage>({
      peer: "coordinator",
      clock: worker.process.clock,
      vocabulary: workerVocabulary,
      decoder: new Decoder(coordinatorVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO),
      tap,
      vectorBytesExtra,
    });
    const common = { world, latencyMs, jitterMs };
    const toCoordinator = new Line(
      { ...common, random: createRandom(seed, 10, number), from: worker, to: machine },
      coordinatorEnd,
    );
    const toWorker = new Line(
      { ...common, random: createRandom(seed, 11, number), from: machine, to: worker },
      workerEnd,
    );
    workerEnd.join(toCoordinator);
    coordinatorEnd.join(toWorker);
    this.#links.push({
      workerName: name,
      toCoordinator,
      toWorker,
      isThere: () =>
        (machine.process.isAlive && !coordinatorEnd.isClosed) ||
        (worker.process.isAlive && !workerEnd.isClosed),
    });
    // The acceptor's deadline for the first message.
    machine.process.clock.after(HELLO_MS, () => {
      if (coordinatorEnd.hasHeard) return;
      coordinatorEnd.close(CLOSE_CODES.policy, `no hello within ${HELLO_MS} ms`);
    });
    return workerEnd;
  }
}
