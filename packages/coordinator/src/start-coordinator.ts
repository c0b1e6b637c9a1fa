import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { ShoalError } from "@shoal/core/outer";
import {
  type AccessPolicy,
  acceptWebSockets,
  createAuthorize,
  httpServerOptions,
  isLoopback,
  limitsForFloats,
} from "@shoal/protocol";
import type { CoordinatorEvent, Outcome } from "./coordinator-event.ts";
import { serveEndpoints } from "./endpoints.ts";
import { Observer } from "./observe/observer.ts";
import { steerHandlers } from "./observe/steer.ts";
import { countTraffic } from "./observe/traffic.ts";
import { Run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import type { Wait } from "./waits.ts";

export interface CoordinatorOptions extends RunOptions {
  readonly listen: {
    /** Address to listen on; `127.0.0.1` lets in this machine alone. */
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
    /** Certificate chain and private key, as PEM. Default: no TLS. */
    readonly tls?: { readonly certificate: string; readonly key: string };
  };
  /** Who may work, look, and steer. */
  readonly scopes: AccessPolicy["scopes"];
}

/** A coordinator that listens and runs. */
export interface Coordinator {
  /** `ws://HOST:PORT` for workers, or `wss:`. */
  readonly url: string;
  /** Resolves when the run is over and its last checkpoint is saved. Never rejects. */
  readonly finished: Promise<Outcome>;
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
  const server = createServer(listen.tls);
  const observer = new Observer({
    run: options,
    state: () => run.state,
    waits: () => run.waits(),
    traffic: countTraffic(server),
  });
  const onEvent = (event: CoordinatorEvent): void => {
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
  await listenOn(server, listen);
  const { port } = server.address() as AddressInfo;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const url = `${listen.tls === undefined ? "ws" : "wss"}://${host}:${port}`;
  const acceptor = acceptWebSockets(server, {
    authorize,
    limits: limitsForFloats(resultFloatsMax(options)),
    onConnection: (connection) => run.attach(connection),
    onRefused: (refused) => onEvent({ type: "connection-refused", refused }),
  });
  onEvent({ type: "listening", url });
  const finished = run.start().then(async (outcome) => {
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
    stop: (reason) => run.stop(reason),
    fail: (code, message) => run.fail(code, message),
    pause: (reason, owner) => run.pause(reason, owner),
    resume: () => run.resume(),
    waits: () => run.waits(),
  };
}

function createServer(tls: CoordinatorOptions["listen"]["tls"]): Server {
  if (tls === undefined) return createHttpServer(httpServerOptions());
  const { certificate: cert, key } = tls;
  // From 1.3 on a client cannot make the server renegotiate, and every key is forward secret.
  return createHttpsServer({ ...httpServerOptions(), cert, key, minVersion: "TLSv1.3" });
}

/** Floats of the largest result: a gradient, and a row of statistics for every task of a round. */
function resultFloatsMax({ layout, plan, statNames }: RunOptions): number {
  const tasks =
    plan.type === "train" ? Math.max(plan.metaBatch, plan.validationTasks, plan.testTasks) : plan.tasks;
  return layout.size + tasks * Math.max(statNames.train.length, statNames.evaluate.length);
}

function listenOn(server: Server, { host, port }: CoordinatorOptions["listen"]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const message = taken
        ? `port ${port} on ${host} is in use; name another one, or 0 for any free one`
        : `cannot listen on ${host}:${port}: ${error.message}`;
      reject(new ShoalError("E_PORT", message, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
