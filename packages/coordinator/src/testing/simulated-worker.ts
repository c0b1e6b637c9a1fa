import type { Random } from "@shoal/core/outer";
import type { CoordinatorMessage, Lease, Result } from "@shoal/protocol";
import { computeBlock, layout } from "./made-up-work.ts";
import type { SimulatedLine } from "./simulated-line.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What the next block of a worker meets. */
export type Trouble = "stall" | "hang" | "not-a-number" | "failure";

/** Every so many heartbeats a worker has another number of slots. */
const SLOTS_CHANGE_BEATS = 8;

interface Finished {
  readonly message: Result;
  readonly body: Float32Array;
}

/**
 * A worker without threads or sockets: it prepares, computes its leases one per slot, keeps what is not
 * answered, and comes back when its line is lost.
 */
export class SimulatedWorker {
  readonly name: string;
  /** Trouble for the next block that it begins. */
  trouble: Trouble | null = null;
  isAlive = true;
  isDone = false;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #dial: () => SimulatedLine | null;
  /** Changes at times, as a relay's. */
  #slots: number;
  #beats = 0;
  readonly #leafMs: number;
  #line: SimulatedLine | null = null;
  #isReady = false;
  #params = new Map<number, Float32Array>();
  #waiting: Lease[] = [];
  readonly #running = new Set<Lease>();
  readonly #hanging = new Set<Lease>();
  readonly #unanswered = new Map<number, Finished>();

  constructor(name: string, clock: VirtualClock, random: Random, dial: () => SimulatedLine | null) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#dial = dial;
    this.#slots = 1 + random.int(3);
    this.#leafMs = 10 + random.int(200);
    clock.after(random.int(500), () => this.#connect());
  }

  get line(): SimulatedLine | null {
    return this.#line;
  }

  /** The process is gone, with everything it had. */
  kill(): void {
    this.isAlive = false;
    this.#line?.breakNow("killed");
  }

  #connect(): void {
    if (!this.isAlive || this.isDone) return;
    const line = this.#dial();
    if (line === null) {
      this.#clock.after(200 + this.#random.int(500), () => this.#connect());
      return;
    }
    this.#line = line;
    this.#isReady = false;
    line.workerEnd = {
      onMessage: (message, body) => this.#take(message, body),
      onLost: () => this.#lose(line),
    };
    const { name } = this;
    const hello = {
      type: "hello",
      protocolMin: 1,
      protocolMax: 1,
      version: "0.1.0",
      host: "host",
      pid: 1,
    } as const;
    line.sendToCoordinator({ ...hello, name });
  }

  #lose(line: SimulatedLine): void {
    if (this.#line !== line) return;
    this.#line = null;
    this.#waiting = [];
    this.#params = new Map();
    this.#clock.after(100 + this.#random.int(1_000), () => this.#connect());
  }

  #take(message: CoordinatorMessage, body: Float32Array | null): void {
    if (!this.isAlive) return;
    switch (message.type) {
      case "welcome": {
        const line = this.#line!;
        this.#clock.after(this.#random.int(2_000), () => this.#becomeReady(line));
        this.#beat(line, message.heartbeatMs);
        return;
      }
      case "params":
        this.#params.set(message.version, body!);
        return;
      case "lease":
        if (!this.#params.has(message.version))
          throw new Error(`lease ${message.leaseId} came before its parameters`);
        this.#waiting.push(message);
        this.#begin();
        return;
      case "revoke":
        for (const leaseId of message.leaseIds) this.#stop(leaseId);
        return;
      case "answer":
        this.#unanswered.delete(message.leaseId);
        return;
      case "heartbeat":
        return;
      case "done":
        this.isDone = true;
        return;
      case "drain":
        throw new Error(`${this.name} was drained, which nobody asked for`);
      case "refuse":
        throw new Error(`${this.name} was refused: ${message.message}`);
    }
  }

  /** Drops a lease that has not begun, or stops one that runs; says so, unless it is done already. */
  #stop(leaseId: number): void {
    const isIt = (lease: Lease): boolean => lease.leaseId === leaseId;
    const isHeld = this.#waiting.some(isIt) || [...this.#running].some(isIt);
    if (!isHeld) return;
    this.#waiting = this.#waiting.filter((lease) => !isIt(lease));
    for (const lease of this.#running) {
      if (!isIt(lease)) continue;
      // What hangs does not stop either.
      if (this.#hanging.has(lease)) return;
      this.#running.delete(lease);
    }
    this.#line?.sendToCoordinator({ type: "failed", leaseId, code: "E_REVOKED", message: "stopped" });
    this.#begin();
  }

  #becomeReady(line: SimulatedLine): void {
    if (this.#line !== line || !this.isAlive) return;
    this.#isReady = true;
    const paramCount = layout.size;
    line.sendToCoordinator({
      type: "ready",
      dataHash: "data",
      device: "cpu",
      slots: this.#slots,
      paramCount,
    });
    for (const { message, body } of this.#unanswered.values()) line.sendToCoordinator(message, body.slice());
  }

  #beat(line: SimulatedLine, heartbeatMs: number): void {
    if (this.#line !== line || !this.isAlive || this.isDone) return;
    const leases = [...this.#waiting, ...this.#running].map(({ leaseId }) => leaseId);
    const isChanged = this.#isReady && ++this.#beats % SLOTS_CHANGE_BEATS === 0;
    if (isChanged) this.#slots = 1 + (this.#slots % 3);
    line.sendToCoordinator({ type: "heartbeat", leases, ...(isChanged ? { slots: this.#slots } : {}) });
    this.#begin();
    this.#clock.after(heartbeatMs, () => this.#beat(line, heartbeatMs));
  }

  #begin(): void {
    while (this.#running.size < this.#slots && this.#waiting.length > 0) {
      const lease = this.#waiting.shift()!;
      const params = this.#params.get(lease.version)!;
      const { trouble } = this;
      this.trouble = null;
      this.#running.add(lease);
      if (trouble === "hang") this.#hanging.add(lease);
      const usualMs = this.#leafMs * 2 ** lease.level * (0.5 + this.#random.uniform());
      // A stall is late but answers; a hang is not answered before the coordinator gives it up.
      const factor = trouble === "stall" ? 1.5 : 10;
      const computeMs = trouble === "stall" || trouble === "hang" ? factor * lease.leaseMs : usualMs;
      this.#clock.after(computeMs, () => this.#finish(lease, params, computeMs, trouble));
    }
  }

  #finish(lease: Lease, params: Float32Array, computeMs: number, trouble: Trouble | null): void {
    // Stopped meanwhile, or the whole worker is gone.
    if (!this.#running.delete(lease) || !this.isAlive) return;
    this.#begin();
    const { leaseId, round, version, level, index } = lease;
    if (trouble === "failure") {
      this.#line?.sendToCoordinator({ type: "failed", leaseId, code: "E_TROUBLE", message: "as ordered" });
      return;
    }
    const { body, taskCount, statCount } = computeBlock(params, lease);
    if (trouble === "not-a-number") body[this.#random.int(body.length)] = Number.NaN;
    const message: Result = {
      type: "result",
      leaseId,
      round,
      version,
      level,
      index,
      taskCount,
      statCount,
      computeMs,
    };
    this.#unanswered.set(leaseId, { message, body });
    if (!this.#isReady) return;
    // A copy, as the wire makes one; now and then a second one.
    const copies = this.#random.int(8) === 0 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#line?.sendToCoordinator(message, body.slice());
  }
}
