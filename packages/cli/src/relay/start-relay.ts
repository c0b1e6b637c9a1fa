import {
  answerText,
  type CoordinatorEvent,
  createServer,
  type ListenOptions,
  LOOKING_MS,
  listenOn,
  serveEndpoints,
} from "@shoal/coordinator";
import {
  type AccessPolicy,
  acceptWebSockets,
  CLOSE_CODES,
  type Clock,
  type CoordinatorConnection,
  connectWebSocket,
  createAuthorize,
  isLoopback,
  LIMITS_AFTER_HELLO,
  limitsForFloats,
  type RefusedConnection,
  sleep,
  systemClock,
  type Welcome,
  type WorkerConnection,
} from "@shoal/protocol";
import { type RunWorkerOptions, runWorker, type WorkerEvent, type WorkerOutcome } from "@shoal/worker";
import { RelayProgram } from "./relay-program.ts";

export interface RelayOptions
  extends Pick<
    RunWorkerOptions,
    "url" | "token" | "fingerprint" | "connect" | "name" | "version" | "reconnectForMs" | "signal"
  > {
  /** Where its workers find it. */
  readonly listen: ListenOptions;
  /** Which of them it lets in. */
  readonly scopes: AccessPolicy["scopes"];
  /** Workers that must be ready before it takes work, >= 1. */
  readonly workersMin: number;
  readonly onEvent: (event: RelayEvent) => void;
}

/** What a relay tells its owner. */
export type RelayEvent =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "connection-refused"; readonly refused: RefusedConnection }
  /** What it tells as a worker of its coordinator. */
  | { readonly type: "upstream"; readonly event: WorkerEvent }
  /** What it tells as the coordinator of its workers. */
  | { readonly type: "downstream"; readonly event: CoordinatorEvent };

export interface Relay {
  /** `ws://HOST:PORT` for its workers, or `wss:`. */
  readonly url: string;
  /** Resolves when it is over. Never rejects. */
  readonly finished: Promise<WorkerOutcome>;
}

/** How long one attempt to have enough workers lasts before it is told that they are missing, in ms. */
const GATHER_MS = 10_000;

/** To whoever asks a relay for what only a coordinator knows. */
const ASK_COORDINATOR = "this is a relay, which keeps no account of the run; ask its coordinator";

/** Floats for the statistics of a block's tasks, beside its gradient. */
const STAT_FLOATS_MAX = 2 ** 20;

/**
 * Starts a relay: to its coordinator it is one worker, to its workers a coordinator.
 *
 * @throws {ShoalError} E_PORT if it cannot listen
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const relay = new RelayNode(options);
  const url = await relay.listen();
  return { url, finished: relay.run() };
}

class RelayNode {
  readonly #options: RelayOptions;
  readonly #clock: Clock = systemClock;
  readonly #server: ReturnType<typeof createServer>;
  #closeServer: () => Promise<void> = () => Promise.resolve();
  #program: RelayProgram | null = null;
  #upstream: WorkerConnection | null = null;
  /** Until then a worker that has lost its connection may look for this relay. */
  #soughtUntilMs = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer(options.listen);
  }

  async listen(): Promise<string> {
    const { listen, scopes, onEvent } = this.#options;
    const authorize = createAuthorize({ scopes, isLoopback: isLoopback(listen.host) });
    const answerHealth = serveEndpoints(
      authorize,
      {
        "GET /healthz": (_request, response) => answerText(response, 200, "the relay runs"),
        "GET /readyz": (_request, response) => {
          if (this.#program === null) answerText(response, 503, "in no run yet: no worker is let in");
          else answerText(response, 200, "workers are let in");
        },
        "GET /status": (_request, response) => answerText(response, 404, ASK_COORDINATOR),
        "GET /metrics": (_request, response) => answerText(response, 404, ASK_COORDINATOR),
      },
      () => {
        // No handler can throw.
      },
    );
    this.#server.on("request", answerHealth);
    const url = await listenOn(this.#server, listen);
    const paramCount = (): number => this.#program?.paramCount ?? 0;
    const acceptor = acceptWebSockets(this.#server, {
      authorize,
      // Of a worker that comes before the run is known, nothing but its hello is heard.
      get limits() {
        const floats = paramCount();
        return floats === 0 ? LIMITS_AFTER_HELLO : limitsForFloats(floats + STAT_FLOATS_MAX);
      },
      onConnection: (connection) => this.#attach(connection),
      onRefused: (refused) => onEvent({ type: "connection-refused", refused }),
    });
    this.#closeServer = async () => {
      acceptor.close();
      const closed = new Promise((resolve) => this.#server.close(resolve));
      this.#server.closeAllConnections();
      await closed;
    };
    onEvent({ type: "listening", url });
    return url;
  }

  async run(): Promise<WorkerOutcome> {
    const { onEvent, listen: _listen, scopes: _scopes, workersMin: _min, ...upstream } = this.#options;
    const outcome = await runWorker({
      ...upstream,
      devices: [],
      taskSourceModule: "",
      taskSourceOptions: null,
      prepares: "workers",
      connect: (signal) => this.#connect(signal),
      openProgram: (_experiment, welcome, signal) => this.#open(welcome, signal),
      onEvent: (event) => onEvent({ type: "upstream", event }),
    });
    const program = this.#program;
    if (outcome.outcome === "left" || outcome.code !== undefined) {
      this.#program = null;
      program?.leave("the relay has left the run");
    } else {
      await program?.finish(outcome.outcome, outcome.message);
      // Who comes now is told the same; who found nobody would look for minutes.
      await sleep(this.#clock, Math.max(0, this.#soughtUntilMs - this.#clock.nowMs()));
    }
    await this.#closeServer();
    return outcome;
  }

  #attach(connection: CoordinatorConnection): void {
    if (this.#program !== null) this.#program.attach(connection);
    else connection.close(CLOSE_CODES.goingAway, "this relay has not joined a run yet");
  }

  /** Once the run is known, the coordinator is not asked for work before there is somebody to do it. */
  async #connect(signal: AbortSignal): Promise<WorkerConnection> {
    const { url, token = null, fingerprint = null, connect } = this.#options;
    await this.#program?.gather(GATHER_MS, signal);
    this.#program?.beginSession();
    const connection = await (connect?.(signal) ?? connectWebSocket(url, { token, fingerprint, signal }));
    this.#upstream = connection;
    return connection;
  }

  #open(welcome: Welcome, signal: AbortSignal): Promise<RelayProgram> {
    this.#program?.leave("the relay has joined another run");
    const program = new RelayProgram({
      welcome,
      workersMin: this.#options.workersMin,
      clock: this.#clock,
      onEvent: (event) => {
        if (event.type === "worker-left") this.#soughtUntilMs = this.#clock.nowMs() + LOOKING_MS;
        this.#options.onEvent({ type: "downstream", event });
      },
      // Its leases go to others at once; it comes back with its workers.
      onDeserted: () => this.#upstream?.close(CLOSE_CODES.goingAway, "no worker of this relay is left"),
    });
    this.#program = program;
    return program.open(signal);
  }
}
