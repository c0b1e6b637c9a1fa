import { availableParallelism } from "node:os";
import type { GraphCacheEvent } from "@shoal/graph/run";
import { runWorker, type WorkerEvent } from "@shoal/worker";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { taskSourceOptions } from "../data-options.ts";
import { readDevices } from "../devices.ts";
import { bytes, duration } from "../format.ts";
import { describeGraphCacheEvent, graphCacheOf } from "../graph-cache.ts";
import { leaveInTime } from "../leave-in-time.ts";
import { meetingOf } from "../meeting.ts";
import { exitCodeFor } from "../user-error.ts";
import { version } from "../version.ts";
import { workerEventLevel } from "../worker-event-level.ts";

export const worker: Command = {
  name: "worker",
  summary: "Join a coordinator and compute for it until the run is over.",
  arguments: "",
  options: [
    "url",
    "fingerprint",
    "rendezvous",
    "token-file",
    "insecure",
    "threads",
    "device",
    "data",
    "cache-dir",
    "no-compile-cache",
    "download",
    "name",
    "reconnect-for",
    "drain-exit-code",
    "log",
    "log-level",
    "json",
  ],
  example: "shoal worker --url ws://127.0.0.1:8471 --threads 2",
  run,
};

/** The URL of the module that the worker's episode thread loads: the build, also from sources. */
export const taskSourceModule = new URL("../../dist/task-source-module.js", import.meta.url).href;

async function run({ values, terminal, log, signal }: Invocation): Promise<number> {
  const meeting = meetingOf(values);
  const named = values.name === undefined ? {} : { name: values.name };
  signal.addEventListener("abort", () => leaveInTime(values["drain-exit-code"]!));
  const outcome = await runWorker({
    ...meeting.options,
    version,
    devices: await readDevices(values.device!, values.threads ?? availableParallelism()),
    taskSourceModule,
    taskSourceOptions: taskSourceOptions(values),
    graphCache: graphCacheOf(values),
    reconnectForMs: 1000 * values["reconnect-for"]!,
    signal,
    onEvent: (event) => {
      if (event.type === "dismissed") leaveInTime(values["drain-exit-code"]!);
      const text = describe(event);
      if (text !== null) terminal.line(text);
      // The terminal of a local worker is nobody's: what its user should know goes to the command that started it.
      if (isNotice(event)) process.send?.({ notice: describeGraphCacheEvent(event) });
      terminal.json({ event: "worker", ...event });
      const { type, ...fields } = event;
      log.write(workerEventLevel(event), type, { ...named, ...fields });
    },
    ...named,
  });
  if (meeting.rendezvous?.isComplete === true) {
    terminal.line("complete: the run was over before this worker could join");
    terminal.json({ event: "done", outcome: "complete", message: outcome.message });
    return EXIT.done;
  }
  if (outcome.code !== undefined) {
    process.stderr.write(`error: ${outcome.message} (${outcome.code})\n`);
    terminal.json({ event: "error", code: outcome.code, message: outcome.message });
    return exitCodeFor(outcome.code);
  }
  terminal.line(`${outcome.outcome}: ${outcome.message}`);
  terminal.json({ event: "done", outcome: outcome.outcome, message: outcome.message });
  const wasInterrupted = signal.aborted && signal.reason !== "SIGTERM";
  const left = wasInterrupted ? EXIT.interrupted : values["drain-exit-code"]!;
  return { complete: EXIT.done, stopped: EXIT.failed, failed: EXIT.failed, left }[outcome.outcome];
}

function isNotice(event: WorkerEvent): event is GraphCacheEvent {
  return event.type === "graph-cache-rejected" || event.type === "graph-cache-unavailable";
}

/** What a worker waits for, whose it is to end the wait, and when it ends at the latest. */
const waits: { readonly [F in Extract<WorkerEvent, { type: "still-waiting" }>["for"]]: string } = {
  coordinator:
    "waiting for the coordinator to let this worker in; one that says nothing for 10 s is tried again",
  data: "still opening the data; the coordinator waits so long (shoal why says how long)",
  graphs: "still compiling; the coordinator waits so long (shoal why says how long)",
  workers: "waiting for workers",
  lease: "no lease: the others compute what is left, or the run is paused (shoal why says more)",
};

/** One line for people, or null for what they need not see. */
function describe(event: WorkerEvent): string | null {
  if (isNotice(event)) return describeGraphCacheEvent(event);
  switch (event.type) {
    case "waiting":
      return `${event.reason}; next try in ${duration(event.retryMs)}, for another ${duration(event.deadlineMs)}`;
    case "still-waiting":
      return `${waits[event.for]}; ${duration(event.waitedMs)} so far`;
    case "connected":
      return `joined run ${event.runId} at ${event.peer} as ${event.workerId}`;
    case "preparing":
      return "opening the data and compiling";
    case "ready":
      return (
        `ready: ${event.slots} compute thread${event.slots === 1 ? "" : "s"} on ${event.device}; ` +
        `${event.description} (data ${event.dataHash.slice(0, 12)}, ${duration(event.openMs)}; ` +
        `compiled in ${duration(event.compileMs)}; arrays of about ${bytes(event.memoryBytes)})`
      );
    case "block":
    case "compiling":
      return null;
    case "block-failed":
      return `a block failed: ${event.message} (${event.code})`;
    case "dismissed":
      return `told to leave: ${event.reason}`;
    case "lost":
      return `${event.reason}; ${event.keptResults} finished blocks are kept for the next connection`;
  }
}
