import type { EventLog } from "./event-log.ts";
import type { OptionName, OptionOverride, Values } from "./option-table.ts";
import type { Terminal } from "./terminal.ts";

/** A command line, parsed and checked. */
export interface Invocation {
  readonly values: Values;
  /** Names of the options that were given, as opposed to defaults. */
  readonly given: ReadonlySet<OptionName>;
  /** Positional arguments. */
  readonly positional: readonly string[];
  readonly terminal: Terminal;
  /** The file of --log; without one it takes everything and writes nothing. */
  readonly log: EventLog;
  /** Aborted by the first Ctrl-C or SIGTERM; its reason is the name of the signal. */
  readonly signal: AbortSignal;
}

/** Exit codes, the same for every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments, as the help shows them: `<run>` required, `[run]` not. */
  readonly arguments: string;
  readonly options: readonly OptionName[];
  /** What the command says otherwise than the table about some of them. */
  readonly overrides?: { readonly [N in OptionName]?: OptionOverride };
  /** A command line that runs as written. */
  readonly example: string;
  /** @returns the exit code */
  run(invocation: Invocation): Promise<number>;
}
