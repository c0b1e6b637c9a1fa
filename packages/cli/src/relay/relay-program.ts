import { randomUUID } from "node:crypto";
import {
  availableMembers,
  type CoordinatorEvent,
  RoundEdge,
  type RoundSpec,
  type RoundWork,
  readyMembers,
  settingsOf,
  TICK_MS,
} from "@shoal/coordinator";
import { layoutParams, ShoalError } from "@shoal/core/outer";
import { type Clock, type CoordinatorConnection, ProtocolError, sleep, type Welcome } from "@shoal/protocol";
import {
  type BlockJob,
  type BlockProgram,
  type BlockResult,
  type EpisodeArrays,
  type EpisodeRequest,
  isRaised,
  revoked,
} from "@shoal/worker";

export interface RelayProgramOptions {
  /** What the coordinator said of the run. */
  readonly welcome: Welcome;
  /** Workers that must be ready before the relay is, >= 1. */
  readonly workersMin: number;
  readonly clock: Clock;
  /** What happens among the relay's workers. */
  readonly onEvent: (event: CoordinatorEvent) => void;
  /** No worker is left that could be given work. */
  readonly onDeserted: () => void;
}

/** Longest that a timer can wait, in ms: 24 days. Whoever waits so long is told to stop before. */
const FOREVER_MS = 0x7fff_ffff;

/** A block of the coordinator that is a round here. */
interface Job {
  readonly stop: BlockJob["stop"];
  readonly resolve: (result: BlockResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Computes blocks by the workers of a relay.
 *
 * A block is a subtree of the coordinator's reduction tree, so a round over its leaves, with the same state
 * machine as any other round, ends in the bits that one worker would have sent. A relay has no data and no
 * graphs: episodes stay indices, which its workers turn into arrays.
 */
export class RelayProgram implements BlockProgram {
  readonly paramCount: number;
  readonly dividesBlocks = true;
  readonly openMs = 0;
  readonly compileMs = 0;
  readonly memoryBytes = 0;
  readonly #options: RelayProgramOptions;
  readonly #edge: RoundEdge;
  /** What was asked for with the arrays that stand for it. */
  readonly #requests = new WeakMap<EpisodeArrays, EpisodeRequest>();
  readonly #jobs = new Map<number, Job>();
  readonly #stopTicking: () => void;
  readonly #gatherings = new Set<() => void>();
  #roundNumber = 0;
  /** Of the rounds under way. */
  #version = 0;
  #params: Float32Array;
  /** On one connection versions only rise: a job of an older one is not wanted any more. */
  #versionMin = 0;
  #isOpen = false;

  /** @throws {ShoalError} E_PROTOCOL if the coordinator does not say how many floats a result has */
  constructor(options: RelayProgramOptions) {
    const { welcome, clock } = options;
    const { sizes, runId, experiment, dataHash } = welcome;
    if (sizes === undefined) {
      throw new ShoalError(
        "E_PROTOCOL",
        "welcome: expected the sizes of results, which a relay needs, got none; install one version of Shoal on both",
      );
    }
    this.#options = options;
    this.paramCount = sizes.params;
    this.#params = new Float32Array(sizes.params);
    const layout = layoutParams([{ name: "all parameters", shape: [sizes.params] }]);
    const names = (count: number) => Array.from({ length: count }, (_, i) => `statistic ${i + 1}`);
    const statNames = { train: names(sizes.trainStats), evaluate: names(sizes.evaluateStats) };
    this.#edge = new RoundEdge({
      settings: settingsOf({
        // Rounds of another start of this relay mean others: workers must not hand in results of them.
        runId: `${runId}/${randomUUID()}`,
        incarnation: 1,
        experiment,
        layout,
        statNames,
        workersMin: 1,
        inOrder: false,
      }),
      start: { version: 0, dataHash },
      clock,
      layout,
      statNames,
      params: () => this.#params,
      onComplete: (spec, work) => this.#complete(spec, work),
      onFail: ({ round, code, message }) => {
        const error = new ShoalError(code, message);
        for (const number of round === null ? [...this.#jobs.keys()] : [round]) this.#cancel(number, error);
      },
      onEvent: (event) => {
        options.onEvent(event);
        if (MEMBER_EVENTS.has(event.type)) this.#look();
      },
    });
    this.#stopTicking = clock.every(TICK_MS, () => this.#tick());
  }

  get dataHash(): string {
    return this.#edge.state.dataHash ?? "";
  }

  get description(): string {
    return `${this.workersReady} workers behind a relay`;
  }

  /** Every kind of device that its workers have. */
  get device(): string {
    const devices = readyMembers(this.#edge.state).map(({ status }) => status.device);
    return [...new Set(devices)].sort().join(", ");
  }

  /** All slots of its workers. */
  get slots(): number {
    const slots = availableMembers(this.#edge.state).map(({ status }) => status.slots);
    return slots.reduce((sum, count) => sum + count, 0);
  }

  /** Workers that may be given work. */
  get workersReady(): number {
    return availableMembers(this.#edge.state).length;
  }

  /** Lets a worker in; it speaks first. */
  attach(connection: CoordinatorConnection): void {
    this.#edge.attach(connection);
  }

  /**
   * Resolves when `workersMin` workers are ready; the coordinator decides how long it waits for that.
   *
   * @throws {ProtocolError} E_CONNECT if `signal` is aborted first
   */
  async open(signal: AbortSignal): Promise<this> {
    await this.gather(FOREVER_MS, signal);
    this.#isOpen = true;
    return this;
  }

  /**
   * Waits for enough workers.
   *
   * @throws {ProtocolError} E_CONNECT if they do not come within `forMs`, or `signal` is aborted
   */
  async gather(forMs: number, signal: AbortSignal): Promise<void> {
    const { workersMin, clock } = this.#options;
    const over = new AbortController();
    try {
      await Promise.race([
        this.#gathered(),
        sleep(clock, forMs, AbortSignal.any([signal, over.signal])).then(() => {
          if (over.signal.aborted) return;
          const message = `expected ${workersMin} ready workers of this relay, got ${this.workersReady}`;
          throw new ProtocolError("E_CONNECT", message);
        }),
      ]);
    } finally {
      over.abort();
    }
  }

  #gathered(): Promise<void> {
    if (this.workersReady >= this.#options.workersMin) return Promise.resolve();
    return new Promise((resolve) => this.#gatherings.add(resolve));
  }

  /** A connection to the coordinator is new: perhaps it was started again, at an earlier version. */
  beginSession(): void {
    this.#versionMin = 0;
  }

  buildEpisodes(request: EpisodeRequest): Promise<EpisodeArrays> {
    const none = new Float32Array(0);
    const episodes = { supportX: none, supportY: none, queryX: none, queryY: none };
    this.#requests.set(episodes, request);
    return Promise.resolve(episodes);
  }

  compute(job: BlockJob): Promise<BlockResult> {
    const { version, kind, split, leafCount, stop } = job;
    if (version < this.#versionMin) return Promise.reject(revoked());
    this.#versionMin = version;
    if (version !== this.#version) {
      // The step before is over for the coordinator.
      this.#cancelAll(revoked());
      this.#version = version;
    }
    if (this.#jobs.size === 0) this.#params = new Float32Array(job.params).slice();
    const { firstEpisode, taskCount } = this.#requests.get(job.episodes)!;
    const spec: RoundSpec = {
      number: ++this.#roundNumber,
      purpose: kind,
      kind,
      split,
      version,
      firstEpisode,
      taskCount,
      tasksPerLeaf: taskCount / leafCount,
    };
    return new Promise((resolve, reject) => {
      this.#jobs.set(spec.number, { stop, resolve, reject });
      this.#edge.start(spec);
    });
  }

  /** Stops what runs. Its workers stay: `finish` or `leave` says how it ends for them. */
  close(): Promise<void> {
    this.#cancelAll(revoked());
    return Promise.resolve();
  }

  /** Tells the workers how the run ended. */
  async finish(outcome: "complete" | "stopped" | "failed", message: string): Promise<void> {
    this.#stopTicking();
    await this.#edge.finish(outcome, message);
  }

  /** Closes the connections to the workers, which look for the relay again. */
  leave(reason: string): void {
    this.#stopTicking();
    this.#edge.close(1001, reason);
  }

  #tick(): void {
    for (const [number, { stop }] of this.#jobs) {
      if (stop !== undefined && isRaised(stop)) this.#cancel(number, revoked());
    }
    this.#edge.tick();
  }

  #look(): void {
    const { state } = this.#edge;
    if (this.workersReady >= this.#options.workersMin) {
      for (const gathered of this.#gatherings) gathered();
      this.#gatherings.clear();
    }
    if (!this.#isOpen || this.workersReady > 0) return;
    this.#options.onDeserted();
    // Those that drain still hand in what they have begun.
    if (readyMembers(state).length === 0) this.#cancelAll(revoked());
  }

  #complete(spec: RoundSpec, work: RoundWork): void {
    const job = this.#jobs.get(spec.number);
    this.#jobs.delete(spec.number);
    const { stats, computeMs } = work;
    const gradient = spec.kind === "train" ? work.gradientSum() : new Float32Array(0);
    const body = new Float32Array(stats.length + gradient.length);
    body.set(stats);
    body.set(gradient, stats.length);
    const { taskCount } = spec;
    job?.resolve({ body, taskCount, statCount: stats.length / taskCount, computeMs });
  }

  #cancelAll(error: Error): void {
    for (const number of this.#jobs.keys()) this.#cancel(number, error);
  }

  #cancel(number: number, error: Error): void {
    const job = this.#jobs.get(number);
    this.#jobs.delete(number);
    this.#edge.cancel(number);
    job?.reject(error);
  }
}

/** After these another number of workers may be there. */
const MEMBER_EVENTS: ReadonlySet<CoordinatorEvent["type"]> = new Set([
  "worker-ready",
  "worker-left",
  "worker-draining",
]);
