import type { Invocation } from "./command.ts";
import type { OptionName } from "./option-table.ts";

/** What a run directory does not hold: where its data is, who may reach the coordinator and how, what computes. */
const kept: readonly OptionName[] = [
  "data",
  "cache-dir",
  "host",
  "port",
  "advertise",
  "token-file",
  "tls-dir",
  "tls-cert",
  "tls-key",
  "insecure",
  "min-workers",
  "workers",
  "threads",
  "device",
];

/** The command that goes on with the run at `path` as it was called: by `train` or by `coordinator`. */
export function resumeCommand(
  { values, given }: Pick<Invocation, "values" | "given">,
  command: "train" | "coordinator",
  path: string,
): string {
  const options = kept
    .filter((name) => given.has(name))
    .map((name) => (values[name] === true ? ` --${name}` : ` --${name} ${quoted(String(values[name]))}`));
  return `npx shoal ${command} --run-dir ${quoted(path)} --resume${options.join("")}`;
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
