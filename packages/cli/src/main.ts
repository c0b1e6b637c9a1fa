import { type Command, EXIT, type Invocation } from "./command.ts";
import { commands as allCommands } from "./commands.ts";
import { type EventLog, noLog, openEventLog } from "./event-log.ts";
import { watchInterrupts } from "./interrupts.ts";
import { parseCommandLine } from "./parse-command-line.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";
import { codeOf, exitCodeFor } from "./user-error.ts";
import { version } from "./version.ts";

/** Runs one command line and returns its exit code. */
export async function main(
  args: readonly string[],
  commands: readonly Command[] = allCommands,
): Promise<number> {
  const parsed = parseCommandLine(args, commands, version);
  if (parsed.type === "answered") {
    process.stdout.write(parsed.text);
    return EXIT.done;
  }
  if (parsed.type === "wrong")
    return report(usageError(parsed.message), createTerminal(args.includes("--json")));
  const terminal = createTerminal(parsed.values.json ?? false);
  const interrupts = watchInterrupts(terminal);
  let log = noLog;
  try {
    log = logOf(parsed, terminal);
    const exit = await parsed.command.run({ ...parsed, terminal, log, signal: interrupts.signal });
    log.write("info", "exit", { exit });
    return exit;
  } catch (error) {
    terminal.clearLive();
    const code = codeOf(error);
    log.write("error", "error", {
      code: code ?? "E_BUG",
      message: error instanceof Error ? error.message : String(error),
      ...(code === null && error instanceof Error ? { stack: error.stack } : {}),
    });
    return report(error, terminal);
  } finally {
    log.close();
    interrupts.close();
  }
}

/** The log that a command line asks for. */
function logOf(
  { command, values }: Pick<Invocation, "values"> & { readonly command: Command },
  terminal: Terminal,
): EventLog {
  if (values.log === undefined) return noLog;
  const log = openEventLog(values.log, {
    level: values["log-level"]!,
    command: command.name,
    onFailure: (message) => terminal.line(message),
  });
  log.write("info", "start", { node: process.version, platform: process.platform });
  return log;
}

/** One clear error for a person's mistake; the whole story for a bug. */
function report(error: unknown, terminal: Terminal): number {
  const code = codeOf(error);
  if (code !== null) {
    const { message } = error as Error;
    const isInterrupted = exitCodeFor(code) === EXIT.interrupted;
    process.stderr.write(`${isInterrupted ? "" : "error: "}${message} (${code})\n`);
    terminal.json({ event: "error", code, message });
    return exitCodeFor(code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(
    `This is a bug in shoal ${version}; please report it with the lines below.\n${stack}\n`,
  );
  terminal.json({ event: "error", code: "E_BUG", message: String(error) });
  return EXIT.failed;
}
