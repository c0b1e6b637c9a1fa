import { setTimeout } from "node:timers/promises";
import {
  type AccessPolicy,
  acceptWebSockets,
  createAuthorize,
  isLoopback,
  limitsForFloats,
} from "@shoal/protocol";
import type { CoordinatorEvent, Outcome } from "./coordinator-event.ts";
import { serveEndpoints } from "./endpoints.ts";
import { LOOKING_MS } from "./limits.ts";
import { createServer, type ListenOptions, listenOn } from "./listen.ts";
import { Observer } from "./observe/observer.ts";
import { steerHandlers } from "./observe/steer.ts";
import { countTraffic } from "./observe/traffic.ts";
import { Run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import type { Wait } from "./waits.ts";

export interface CoordinatorOptions extends RunOptions {
  readonly listen: ListenOptions;
  /** Who may work, look, and steer. */
  readonly scopes: AccessPolicy["scopes"];
}

/** A coordinator that listens and runs. */
export interface Coordinator {
  /** `ws://HOST:PORT` for workers, or `wss:`. */
  readonly url: string;
  /**
   * Resolves when the run is over, its last checkpoint is saved, and a worker that had lost its connection a
   * moment before has had the time to come back and hear it. Never rejects.
   */
  readonly finished: Promise<Outcome>;
  /** True once the run has ended, while its last checkpoint is saved and its workers are told. */
  readonly isOver: boolean;
  /** Ends the run after saving a checkpoint; `finished` tells when. */
  stop(reason: string): void;
  /** Ends the run as failed, after saving a checkpoint: it cannot go on for a reason from outside. */
  fail(code: string, message: string): void;
  /** Holds the run until `resume`: no lease goes out, those that are out are finished and counted. */
  pause(reason: string, owner?: string): void;
  resume(): void;
  /** Every wait that the run is in, with its owner and its deadline; times as `performance.now()`. */
  waits(): readonly Wait[];
}

/**
 * Starts a run and lets workers in.
 *
 * @throws {ShoalError} E_PORT if the port is taken, E_CONFIG if the plan cannot be
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { listen, scopes } = options;
  const server = createServer(listen);
  const observer = new Observer({
    run: options,
    state: () => run.state,
    waits: () => run.waits(),
    traffic: countTraffic(server),
  });
  // A worker whose connection broke, or whose coordinator was killed before this one, may look for this one.
  let soughtUntilMs = options.incarnation > 1 ? performance.now() + LOOKING_MS : 0;
  const onEvent = (event: CoordinatorEvent): void => {
    if (event.type === "worker-left") soughtUntilMs = performance.now() + LOOKING_MS;
    observer.takeEvent(event);
    options.onEvent(event);
  };
  const run = new Run({ ...options, onEvent, onCommand: (command) => observer.takeCommand(command) });
  const authorize = createAuthorize({ scopes, isLoopback: isLoopback(listen.host) });
  server.on(
    "request",
    serveEndpoints(authorize, { ...observer.handlers, ...steerHandlers(() => run) }, (endpoint, error) =>
      onEvent({ type: "endpoint-failed", endpoint, message: String(error) }),
    ),
  );
  const url = await listenOn(server, listen);
  const acceptor = acceptWebSockets(server, {
    authorize,
    limits: limitsForFloats(resultFloatsMax(options)),
    onConnection: (connection) => run.attach(connection),
    onRefused: (refused) => onEvent({ type: "connection-refused", refused }),
  });
  onEvent({ type: "listening", url });
  const finished = run.start().then(async (outcome) => {
    await setTimeout(soughtUntilMs - performance.now());
    acceptor.close();
    observer.close();
    const closed = new Promise((resolve) => server.close(resolve));
    // Somebody who reads the status slowly does not hold the end of the run.
    server.closeAllConnections();
    await closed;
    return outcome;
  });
  return {
    url,
    finished,
    get isOver() {
      return run.isOver;
    },
    stop: (reason) => run.stop(reason),
    fail: (code, message) => run.fail(code, message),
    pause: (reason, owner) => run.pause(reason, owner),
    resume: () => run.resume(),
    waits: () => run.waits(),
  };
}

/** Floats of the largest result: a gradient, and a row of statistics for every task of a round. */
function resultFloatsMax({ layout, plan, statNames }: RunOptions): number {
  const tasks =
    plan.type === "train" ? Math.max(plan.metaBatch, plan.validationTasks, plan.testTasks) : plan.tasks;
  return layout.size + tasks * Math.max(statNames.train.length, statNames.evaluate.length);
}
