import {
  type Closed,
  type CoordinatorMessage,
  createMemoryTransport,
  type Result,
  type WorkerConnection,
} from "@shoal/protocol";
import type { Run } from "../run.ts";
import { computeBlock, layout } from "./made-up-work.ts";

export interface MemoryWorker {
  /** What the coordinator said, in order. */
  readonly heard: readonly CoordinatorMessage[];
  /** Resolves with how the connection ended. */
  readonly closed: Promise<Closed>;
}

/**
 * Attaches a worker to a run by a memory connection; it computes each lease at once.
 *
 * @param spoil changes the floats of a result before they are sent
 * @param lie what its results say that is not so
 */
export function joinByMemory(
  run: Run,
  spoil?: (body: Float32Array) => void,
  lie?: Partial<Result>,
): MemoryWorker {
  const [coordinatorEnd, connection] = createMemoryTransport();
  run.attach(coordinatorEnd);
  return work(connection, spoil, lie);
}

/** Says hello on a connection and computes each lease at once. */
export function work(
  connection: WorkerConnection,
  spoil: (body: Float32Array) => void = () => {},
  lie: Partial<Result> = {},
): MemoryWorker {
  const heard: CoordinatorMessage[] = [];
  const params = new Map<number, Float32Array>();
  const closed = new Promise<Closed>((resolve) => connection.onClose(resolve));
  connection.onMessage((message, floats) => {
    heard.push(message);
    if (message.type === "welcome") {
      connection.send({ type: "ready", dataHash: "data", device: "cpu", slots: 1, paramCount: layout.size });
    } else if (message.type === "params") {
      params.set(message.version, floats!);
    } else if (message.type === "lease") {
      const { leaseId, round, version, level, index } = message;
      const { body, taskCount, statCount } = computeBlock(params.get(version)!, message);
      spoil(body);
      const counts = { taskCount, statCount, computeMs: 1 };
      connection.send({ type: "result", leaseId, round, version, level, index, ...counts, ...lie }, body);
    } else if (message.type === "done") {
      connection.close(1000, "done");
    }
  });
  connection.send({
    type: "hello",
    protocolMin: 1,
    protocolMax: 1,
    name: "memory",
    version: "0.1.0",
    host: "host",
    pid: 1,
  });
  return { heard, closed };
}
