import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { levelOf } from "@shoal/coordinator";
import { defaultCacheDir } from "@shoal/datasets";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { leaveInTime } from "../leave-in-time.ts";
import { meetingOf } from "../meeting.ts";
import type { Values } from "../option-table.ts";
import { describeRelayEvent } from "../relay/relay-text.ts";
import { type RelayEvent, startRelay } from "../relay/start-relay.ts";
import { advertisedUrl, type Listening, secureListening } from "../secure-listening.ts";
import type { Terminal } from "../terminal.ts";
import { exitCodeFor } from "../user-error.ts";
import { version } from "../version.ts";
import { workerEventLevel } from "../worker-event-level.ts";

/** Port of a relay unless another is named: the one after the coordinator's. */
const RELAY_PORT = 8472;

export const relay: Command = {
  name: "relay",
  summary: "Stand between a coordinator and many workers: one worker to it, a coordinator to them.",
  arguments: "",
  options: [
    "url",
    "fingerprint",
    "rendezvous",
    "token-file",
    "port",
    "host",
    "advertise",
    "workers-token-file",
    "tls-dir",
    "tls-cert",
    "tls-key",
    "insecure",
    "min-workers",
    "cache-dir",
    "name",
    "reconnect-for",
    "drain-exit-code",
    "log",
    "log-level",
    "json",
  ],
  overrides: {
    "token-file": { help: "the token that it presents to the coordinator (shoal token)" },
    port: { unset: String(RELAY_PORT) },
    advertise: { help: "name or address under which other machines reach the relay" },
    "tls-cert": { help: "certificate of the relay, PEM" },
    "tls-dir": {
      help: "where the relay keeps a certificate of its own",
      unset: "<cache-dir>/relay/tls, when other machines can reach it",
    },
    "min-workers": { help: "workers to wait for before it takes work" },
    "cache-dir": { help: "holds the relay's certificate and tokens" },
    name: { help: "name of this relay, for people" },
  },
  example: "shoal relay --url ws://127.0.0.1:8471 --port 8472 --min-workers 4",
  run,
};

async function run({ values, terminal, log, signal }: Invocation): Promise<number> {
  const meeting = meetingOf(values);
  const host = values.host ?? "127.0.0.1";
  const tokenFile = values["workers-token-file"] ?? values["token-file"];
  const directory = join(values["cache-dir"] ?? defaultCacheDir(), "relay");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const asked: Values = { ...values, ...(tokenFile === undefined ? {} : { "token-file": tokenFile }) };
  const listening = await secureListening(host, asked, directory);
  const { certificate, scopes } = listening;
  signal.addEventListener("abort", () => leaveInTime(values["drain-exit-code"]!));
  const started = await startRelay({
    ...meeting.options,
    ...(values.name === undefined ? {} : { name: values.name }),
    version,
    reconnectForMs: 1000 * values["reconnect-for"]!,
    signal,
    workersMin: values["min-workers"]!,
    listen: {
      host,
      port: values.port ?? RELAY_PORT,
      ...(certificate === null ? {} : { tls: certificate }),
    },
    scopes,
    onEvent: (event) => {
      if (event.type === "upstream" && event.event.type === "dismissed")
        leaveInTime(values["drain-exit-code"]!);
      tell(event, terminal);
      if (event.type === "downstream") log.write(levelOf(event.event), "downstream", { ...event.event });
      else if (event.type === "upstream") {
        log.write(workerEventLevel(event.event), "upstream", { ...event.event });
      } else log.write("info", event.type, { ...event });
    },
  });
  describeWorkersCommand(advertisedUrl(started.url, values), listening, terminal);
  const outcome = await started.finished;
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

/** The command of a worker of this relay. */
function describeWorkersCommand(
  url: string,
  { certificate, needsToken }: Listening,
  terminal: Terminal,
): void {
  const worker = [
    `npx shoal worker --url ${url}`,
    ...(certificate?.isOwn === true ? [`--fingerprint ${certificate.fingerprint}`] : []),
    ...(needsToken ? ["--token-file FILE"] : []),
  ];
  terminal.line(`listening on ${url}; its workers run:`);
  terminal.line(`  ${worker.join(" ")}`);
}

/** Rounds of a relay are blocks of its coordinator, many a second: nobody reads of each. */
const QUIET: ReadonlySet<string> = new Set(["block", "round-started", "result-unused"]);

function tell(event: RelayEvent, terminal: Terminal): void {
  const told = event.type === "upstream" || event.type === "downstream" ? event.event : event;
  if (QUIET.has(told.type)) return;
  const { type, ...fields } = told;
  terminal.json({ event: type, ...(told === event ? {} : { side: event.type }), ...fields });
  const text = describeRelayEvent(event);
  if (text !== null) terminal.line(text);
}
