import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { RENDEZVOUS_FILE, type Rendezvous } from "@shoal/coordinator";
import { writePrivately } from "./run-tokens.ts";

/**
 * Says in a run directory where its coordinator listens, for those who may read the directory: workers of a
 * cluster, and `shoal status`.
 *
 * @returns takes it away again; a process that is killed leaves it there
 */
export function publishRendezvous(
  runDirectory: string,
  coordinator: Pick<Rendezvous, "url" | "fingerprint" | "incarnation">,
): () => void {
  const path = join(runDirectory, RENDEZVOUS_FILE);
  const rendezvous: Rendezvous = { format: 1, ...coordinator, pid: process.pid, host: hostname() };
  writePrivately(path, `${JSON.stringify(rendezvous)}\n`);
  return () => rmSync(path, { force: true });
}
