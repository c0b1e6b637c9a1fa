import { type Clock, type CoordinatorConnection, sleep } from "@shoal/protocol";

/** Time for workers to take the last message before their sockets are closed, in ms. */
const GOODBYE_MS = 2_000;

/** Waits until every worker has closed its end, or closes it. */
export async function sayGoodbye(
  connections: ReadonlyMap<string, CoordinatorConnection>,
  clock: Clock,
): Promise<void> {
  const deadline = clock.nowMs() + GOODBYE_MS;
  while (connections.size > 0 && clock.nowMs() < deadline) await sleep(clock, 10);
  for (const connection of connections.values()) connection.close(1001, "the run is over");
}
