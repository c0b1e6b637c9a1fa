import { type Command, EXIT, type Invocation } from "./command.ts";
import { commands as allCommands } from "./commands.ts";
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
  const invocation: Invocation = { ...parsed, terminal, signal: interrupts.signal };
  try {
    return await parsed.command.run(invocation);
  } catch (error) {
    terminal.clearLive();
    return report(error, terminal);
  } finally {
    interrupts.close();
  }
}

/** One clear error for a person's mistake; the whole story for a bug. */
function report(error: unknown, terminal: Terminal): number {
  const code = codeOf(error);
  if (code !== null) {
    const { message } = error as Error;
    process.stderr.write(`error: ${message} (${code})\n`);
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
