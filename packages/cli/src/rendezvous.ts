import { hostname } from "node:os";
import { join } from "node:path";
import { type Outcome, RENDEZVOUS_FILE, type Rendezvous } from "@shoal/coordinator";
import { writePrivately } from "./write-privately.ts";

/**
 * Says in a run directory where its coordinator listens, for those who may read the directory: workers
 * (`--rendezvous`), `shoal status`, and the next start.
 *
 * @returns marks the run as ended; a process that is killed leaves it unmarked
 */
export function publishRendezvous(
  runDirectory: string,
  coordinator: Omit<Rendezvous, "format" | "pid" | "host" | "ended">,
): (ended: Outcome["type"]) => void {
  const path = join(runDirectory, RENDEZVOUS_FILE);
  const write = (ended: Rendezvous["ended"]): void => {
    const rendezvous: Rendezvous = { format: 1, ...coordinator, pid: process.pid, host: hostname(), ended };
    writePrivately(path, `${JSON.stringify(rendezvous, null, 2)}\n`);
  };
  write(null);
  return write;
}
