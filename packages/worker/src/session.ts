import { ShoalError } from "@shoal/core/outer";
import {
  CLOSE_CODES,
  CONNECT_MS,
  type CoordinatorMessage,
  type Lease,
  PROTOCOL_VERSION_MAX,
  PROTOCOL_VERSION_MIN,
  packGradient,
  type Welcome,
  type WorkerConnection,
  type WorkerWait,
} from "@shoal/protocol";
import type { BlockProgram } from "./block-program.ts";
import { BlockQueue } from "./block-queue.ts";
import { DRAIN_FINISH_MS } from "./limits.ts";
import type { FinishedBlock, SessionEnd, SessionOptions } from "./session-options.ts";

/** Leases that one connection may hold: what a heartbeat can list. */
const LEASES_MAX = 4096;

/** Characters of a text on the wire. */
const TEXT_MAX = 4_000;

/** Close codes that say that one side could not read the other. */
const GARBLED_CODES: readonly number[] = [
  CLOSE_CODES.protocolError,
  CLOSE_CODES.invalidData,
  CLOSE_CODES.tooBig,
];

/**
 * One connection to a coordinator, from hello to its end: leases, heartbeats, results.
 *
 * All of it runs on the main thread and none of it computes, so heartbeats never wait for a kernel.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: WorkerConnection;
  #end: (end: SessionEnd) => void = () => {};
  #ended = false;
  #welcomed = false;
  #answered = false;
  #isGarbled = false;
  #queue: BlockQueue | null = null;
  #program: BlockProgram | null = null;
  #toldSlots = 0;
  #paramCount = 0;
  #runId: string | null;
  /** Sent or to be sent, and not answered, by lease id. */
  readonly #unanswered = new Map<number, FinishedBlock>();
  #stopHeartbeat: () => void = () => {};
  #stopWatching: () => void = () => {};
  #stopDraining: () => void = () => {};
  #isDraining = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#runId = options.finishedRunId;
    for (const block of options.finished) this.#unanswered.set(block.lease.leaseId, block);
  }

  /** Results that the next session should hand in, and the run they belong to. */
  get finished(): readonly FinishedBlock[] {
    return [...this.#unanswered.values()];
  }

  get runId(): string | null {
    return this.#runId;
  }

  /**
   * True once the coordinator has accepted this worker; false where all that followed was what no coordinator
   * sends. The time to look for a better one then goes on.
   */
  get hadContact(): boolean {
    return this.#welcomed && (this.#answered || !this.#isGarbled);
  }

  /** Leases that wait or run. */
  get leaseCount(): number {
    return this.#queue?.leaseIds.length ?? 0;
  }

  /** Runs until the connection ends, for whatever reason. Never rejects. */
  run(): Promise<SessionEnd> {
    const { signal, name, host, pid, version } = this.#options;
    return new Promise((resolve) => {
      const leave = (): void => this.#drain("told to leave");
      this.#end = (end) => {
        if (this.#ended) return;
        this.#ended = true;
        this.#stopHeartbeat();
        this.#stopWatching();
        this.#stopDraining();
        signal.removeEventListener("abort", leave);
        this.#queue?.clear();
        resolve(end);
      };
      this.#connection.onClose(({ code, reason }) => {
        this.#isGarbled = GARBLED_CODES.includes(code);
        // Nobody looks for a coordinator to tell it that he leaves.
        if (this.#isDraining) this.#end({ type: "left" });
        this.#end({
          type: "lost",
          reason: `connection closed (${code}${reason === "" ? "" : `: ${reason}`})`,
        });
      });
      this.#connection.onMessage((message, body) => this.#take(message, body));
      this.#watchSilence(CONNECT_MS);
      this.#connection.send({
        type: "hello",
        protocolMin: PROTOCOL_VERSION_MIN,
        protocolMax: PROTOCOL_VERSION_MAX,
        name,
        version,
        host,
        pid,
      });
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    });
  }

  #take(message: CoordinatorMessage, body: Float32Array | null): void {
    if (this.#ended) return;
    switch (message.type) {
      case "welcome":
        if (this.#welcomed) this.#refute("welcome was said twice");
        else void this.#prepare(message);
        return;
      case "params":
        this.#takeParams(message.version, body);
        return;
      case "lease":
        this.#takeLease(message);
        return;
      case "revoke":
        this.#queue?.revoke(message.leaseIds);
        return;
      case "drain":
        this.#takeDismissal(message.reason);
        return;
      case "answer":
        if (this.#unanswered.delete(message.leaseId)) this.#answered = true;
        this.#leaveIfDrained();
        return;
      case "heartbeat":
        return;
      case "refuse":
        this.#close(1000, { type: "refused", code: message.code, message: message.message });
        return;
      case "done":
        this.#close(1000, { type: "done", outcome: message.outcome, message: message.message });
        return;
    }
  }

  #takeParams(version: number, body: Float32Array | null): void {
    if (this.#queue === null || body === null) return;
    if (body.length === this.#paramCount) this.#queue.setParams(version, body);
    else this.#refute(`params of ${body.length} floats, expected ${this.#paramCount}`);
  }

  #takeLease(lease: Lease): void {
    if (this.#queue === null) this.#refute("a lease before ready");
    else if (this.#queue.leaseIds.length >= LEASES_MAX) this.#refute(`more than ${LEASES_MAX} leases`);
    else {
      this.#queue.add(lease);
      // It was on its way when this worker said that it leaves.
      if (this.#isDraining) this.#giveBack("told to leave");
    }
  }

  /** Ends the connection for what no coordinator says. */
  #refute(reason: string): void {
    this.#isGarbled = true;
    this.#end({ type: "lost", reason: `the coordinator broke the protocol: ${reason}` });
    this.#connection.close(CLOSE_CODES.protocolError, reason);
  }

  /** Opens the data and compiles, while heartbeats go on; then says `ready`. */
  async #prepare(welcome: Welcome): Promise<void> {
    const { onEvent, openProgram } = this.#options;
    this.#welcomed = true;
    onEvent({
      type: "connected",
      runId: welcome.runId,
      workerId: welcome.workerId,
      peer: this.#connection.peer,
    });
    this.#watchSilence(welcome.silenceMs);
    this.#stopHeartbeat = this.#options.clock.every(welcome.heartbeatMs, () => {
      const wait = this.#wait();
      const leases = this.#queue?.leaseIds ?? [];
      const slots = this.#newSlots();
      this.#connection.send({
        type: "heartbeat",
        leases,
        ...(wait === null ? {} : { wait }),
        ...(slots === null ? {} : { slots }),
      });
    });
    // Results of another run mean nothing here.
    if (this.#runId !== welcome.runId) this.#unanswered.clear();
    this.#runId = welcome.runId;
    try {
      const program = await openProgram(welcome);
      if (this.#ended) return;
      if (welcome.dataHash !== null && welcome.dataHash !== program.dataHash)
        throw wrongData(welcome.dataHash, program);
      this.#paramCount = program.paramCount;
      this.#queue = new BlockQueue(program, this.#options.clock, {
        onResult: (lease, result) => this.#deliver({ lease, result }),
        onFailure: (lease, error) => this.#fail(lease, error),
      });
      const { dataHash, description, device, slots, paramCount, openMs, compileMs, memoryBytes } = program;
      this.#program = program;
      this.#toldSlots = slots;
      onEvent({ type: "ready", device, slots, dataHash, description, openMs, compileMs, memoryBytes });
      const divides = program.dividesBlocks === true ? { dividesBlocks: true } : {};
      this.#connection.send({ type: "ready", dataHash, device, slots, paramCount, ...divides });
      for (const block of this.#unanswered.values()) this.#send(block);
    } catch (error) {
      if (this.#ended) return;
      const { code, message } = codeAndMessage(error);
      this.#leave(`${code}: ${message}`, { type: "unable", code, message });
    }
  }

  /** How many slots the program has by now, if the coordinator was told otherwise; null: it knows. */
  #newSlots(): number | null {
    if (this.#program === null || this.#program.slots === this.#toldSlots) return null;
    // Who has none left is gone in a moment.
    this.#toldSlots = Math.max(1, this.#program.slots);
    return this.#toldSlots;
  }

  #wait(): WorkerWait | null {
    if (this.leaseCount === 0) return this.#options.wait();
    const ms = this.#queue?.stalledMs ?? null;
    return ms === null ? null : { for: "parameters", ms };
  }

  #deliver(block: FinishedBlock): void {
    const { lease, result } = block;
    const { kind, version } = lease;
    const { taskCount, computeMs } = result;
    this.#options.onEvent({ type: "block", kind, version, taskCount, computeMs });
    if (this.#ended) this.#options.onOrphan(block);
    else this.handIn(block);
  }

  /** Sends a finished block, and keeps it until it is answered. */
  handIn(block: FinishedBlock): void {
    this.#unanswered.set(block.lease.leaseId, block);
    // Before `ready` the coordinator takes no results; they are sent with it.
    if (this.#queue !== null) this.#send(block);
  }

  #send({ lease, result }: FinishedBlock): void {
    const { leaseId, round, version, level, index } = lease;
    const { taskCount, statCount, computeMs, body } = result;
    const message = {
      type: "result",
      leaseId,
      round,
      version,
      level,
      index,
      taskCount,
      statCount,
      computeMs,
    } as const;
    const statFloats = taskCount * statCount;
    const packed = packGradient(body, statFloats);
    if (packed === null) this.#connection.send(message, body);
    else this.#connection.send({ ...message, packedFloats: body.length - statFloats }, packed);
  }

  #fail(lease: Lease, error: unknown): void {
    const { code, message } = codeAndMessage(error);
    // A block that is not wanted any more is no failure of this worker.
    if (code !== "E_REVOKED") this.#options.onEvent({ type: "block-failed", code, message });
    if (this.#ended) return;
    this.#connection.send({ type: "failed", leaseId: lease.leaseId, code, message });
    this.#leaveIfDrained();
  }

  #takeDismissal(reason: string): void {
    if (this.#isDraining) return;
    this.#options.onEvent({ type: "dismissed", reason });
    // The coordinator knows by this that it was heard.
    if (this.#queue === null) this.#connection.send({ type: "draining", reason, leases: [] });
    this.#drain(reason);
  }

  /**
   * Leaves in good order: gives back at once what has not begun or would take too long, finishes and hands in
   * the rest, and goes when all is answered, or when the time is up.
   */
  #drain(reason: string): void {
    if (this.#isDraining) return;
    if (this.#queue === null) {
      this.#leave(reason, { type: "left" });
      return;
    }
    this.#isDraining = true;
    this.#stopDraining = this.#options.clock.after(DRAIN_FINISH_MS, () =>
      this.#leave(`${reason}; what was not done in ${DRAIN_FINISH_MS} ms goes back`, { type: "left" }),
    );
    this.#giveBack(reason);
    this.#leaveIfDrained();
  }

  #giveBack(reason: string): void {
    const leases = this.#queue?.unfinishedAfter(DRAIN_FINISH_MS) ?? [];
    this.#connection.send({ type: "draining", reason, leases });
    this.#queue?.revoke(leases);
  }

  #leaveIfDrained(): void {
    const isIdle = this.#queue?.leaseIds.length === 0 && this.#unanswered.size === 0;
    if (this.#isDraining && isIdle)
      this.#leave("told to leave; all that it had begun is done", { type: "left" });
  }

  #watchSilence(silenceMs: number): void {
    const { clock } = this.#options;
    this.#stopWatching();
    this.#stopWatching = clock.every(silenceMs / 4, () => {
      const silentMs = clock.nowMs() - this.#connection.receivedAtMs;
      if (silentMs < silenceMs) return;
      const reason = `the coordinator was silent for ${(silentMs / 1000).toFixed(1)} s`;
      this.#close(1001, { type: "lost", reason });
    });
  }

  #leave(reason: string, end: SessionEnd): void {
    if (this.#ended) return;
    this.#connection.send({ type: "leaving", reason: reason.slice(0, TEXT_MAX) });
    this.#close(1000, end);
  }

  #close(code: number, end: SessionEnd): void {
    this.#end(end);
    this.#connection.close(code, end.type);
  }
}

function wrongData(expected: string, { dataHash, description }: BlockProgram): ShoalError {
  return new ShoalError(
    "E_DATA_HASH",
    `data: the run is bound to data ${expected.slice(0, 12)}, this worker has ${dataHash.slice(0, 12)} (${description}); ` +
      "give it the same files with --data",
  );
}

/** What the wire takes: texts of at most 4,096 characters. */
function codeAndMessage(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: "E_INTERNAL", message: String(error).slice(0, TEXT_MAX) };
  const code = "code" in error && typeof error.code === "string" ? error.code : "E_INTERNAL";
  return { code, message: error.message.slice(0, TEXT_MAX) };
}
