import { CommanderError, Help, InvalidArgumentError, Option, Command as Parser } from "commander";
import { closest } from "fastest-levenshtein";
import type { Command } from "./command.ts";
import type { OptionSpec } from "./option-spec.ts";
import { type OptionName, optionTable, type Values } from "./option-table.ts";

/** What a command line asks for. */
export type Parsed =
  | {
      readonly type: "run";
      readonly command: Command;
      readonly values: Values;
      readonly given: ReadonlySet<OptionName>;
      readonly positional: readonly string[];
    }
  /** Help or the version was asked for; `text` is for standard output. */
  | { readonly type: "answered"; readonly text: string }
  /** What is wrong, in one line. */
  | { readonly type: "wrong"; readonly message: string };

/** Longest list of choices that the help shows beside an option's name, in characters. */
const PLACEHOLDER_MAX = 40;

/** Widest first column of the help, in characters: longer names stand on a line of their own. */
const TERM_WIDTH_MAX = 24;

/** How the help of every command is laid out. */
const helpLayout = {
  subcommandTerm: (command: Parser): string => command.name(),
  padWidth: (command: Parser, help: Help): number =>
    Math.min(TERM_WIDTH_MAX, Help.prototype.padWidth.call(help, command, help)),
  formatItem: (term: string, termWidth: number, description: string, help: Help): string => {
    const indent = " ".repeat(termWidth + 4);
    const text = help
      .boxWrap(description, (help.helpWidth ?? 80) - indent.length)
      .replaceAll("\n", `\n${indent}`);
    return term.length > termWidth ? `  ${term}\n${indent}${text}` : `  ${term.padEnd(termWidth)}  ${text}`;
  },
};

/** Parses `args` (without node and script) by the table of commands and options. */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly Command[],
  version: string,
): Parsed {
  let output = "";
  let parsed: Parsed | null = null;
  const keep = { writeOut: (text: string) => (output += text), writeErr: (text: string) => (output += text) };
  const program = new Parser("shoal")
    .description("Distributed meta-training: one coordinator, any number of workers, the same bits.")
    .version(version, "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .configureHelp(helpLayout)
    .exitOverride()
    .configureOutput(keep)
    .addHelpText("after", "\nshoal <command> --help shows a command's options.");
  for (const command of commands) {
    const parser = program
      .command(`${command.name} ${command.arguments}`.trim())
      .description(command.summary)
      .helpOption("--help", "print this help")
      .exitOverride()
      .configureOutput(keep)
      .addHelpText("after", `\nExample: ${command.example}`);
    const options = command.options.map((name) => {
      const spec = specOf(command, name);
      return { name, spec, option: optionOf(name, spec) };
    });
    for (const { option } of options) parser.addOption(option);
    parser.action(() => {
      const values = parser.opts() as Record<string, unknown>;
      parsed = {
        type: "run",
        command,
        values: Object.fromEntries(
          options.flatMap(({ name, spec, option }) => {
            const stored = values[option.attributeName()];
            // Commander keeps `--no-x` as an `x` that is true until it is given.
            const isGiven = stored === false ? true : undefined;
            const value = option.negate ? isGiven : (stored ?? fallbackOf(spec));
            return value === undefined ? [] : [[name, value]];
          }),
        ) as Values,
        given: new Set(
          options
            .filter(({ option }) => parser.getOptionValueSource(option.attributeName()) === "cli")
            .map(({ name }) => name),
        ),
        positional: parser.args,
      };
    });
  }
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Without a command commander prints the help as an error; a person who types `shoal` asks for it.
    if (error.exitCode === 0 || error.code === "commander.help") return { type: "answered", text: output };
    return { type: "wrong", message: oneLine(error, args[0], commands) };
  }
  return parsed ?? { type: "answered", text: program.helpInformation() };
}

/** Commander's message without its prefix and line break, and the help that answers what it leaves open. */
function oneLine({ code, message }: CommanderError, name: string | undefined, commands: readonly Command[]) {
  const said = message.replace(/^error: /, "").replaceAll("\n", " ");
  const isAnswered = code === "commander.invalidArgument" || said.includes("(Did you mean");
  if (isAnswered) return said;
  const known = commands.some((command) => command.name === name) ? ` ${name}` : "";
  return `${said.replace(/\.$/, "")}; see: shoal${known} --help`;
}

/** An option as one command has it. */
export function specOf({ overrides }: Command, name: OptionName): OptionSpec {
  // An override changes what is said about a value, never its type.
  return { ...optionTable[name], ...overrides?.[name] } as OptionSpec;
}

function optionOf(name: OptionName, spec: OptionSpec): Option {
  const names = spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`;
  const flags = spec.type === "flag" ? names : `${names} ${placeholderOf(spec)}`;
  const shown = ("fallback" in spec ? spec.fallback : undefined) ?? spec.unset;
  const option = new Option(flags, `${spec.help}${rangeOf(spec)}${shown === undefined ? "" : ` [${shown}]`}`);
  if (spec.type === "flag") return option;
  return option.argParser((text: string) => parseValue(spec, text));
}

function fallbackOf(spec: OptionSpec): string | number | undefined {
  const fallback = "fallback" in spec ? spec.fallback : undefined;
  if (spec.type === "duration" && typeof fallback === "string") return parseValue(spec, fallback);
  return fallback;
}

function placeholderOf(spec: OptionSpec): string {
  if (spec.type === "text") return spec.value;
  if (spec.type === "choice") {
    return spec.value ?? (isLong(spec.choices) ? "<name>" : `<${spec.choices.join("|")}>`);
  }
  if (spec.type === "duration") return "<time>";
  return spec.type === "integer" ? "<n>" : "<x>";
}

/** Choices that would widen the help's first column are listed in its second. */
function isLong(choices: readonly string[]): boolean {
  return choices.join("|").length > PLACEHOLDER_MAX;
}

function rangeOf(spec: OptionSpec): string {
  if (spec.type === "choice" && spec.value === undefined && isLong(spec.choices))
    return `: ${spec.choices.join(", ")}`;
  if (spec.type === "number") {
    return spec.max === undefined ? `, > ${spec.above}` : `, > ${spec.above}, <= ${spec.max}`;
  }
  if (spec.type !== "integer") return "";
  return spec.max === undefined ? `, >= ${spec.min}` : `, ${spec.min} to ${spec.max}`;
}

/** @throws {InvalidArgumentError} with what was expected */
function parseValue(spec: Exclude<OptionSpec, { type: "flag" }>, text: string): string | number {
  switch (spec.type) {
    case "text":
      if (text === "") throw new InvalidArgumentError(`Expected ${spec.value}, got nothing.`);
      // `--run-dir --resume` is a directory that was forgotten, not one of that name.
      if (text.startsWith("--")) {
        throw new InvalidArgumentError(`Expected ${spec.value}, got an option.`);
      }
      return text;
    case "choice":
      if (!spec.choices.includes(text)) {
        const { choices } = spec;
        throw new InvalidArgumentError(
          `Expected one of ${choices.join(", ")}; did you mean ${closest(text, [...choices])}?`,
        );
      }
      return text;
    case "integer": {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= spec.min && value <= (spec.max ?? Number.MAX_SAFE_INTEGER))) {
        throw new InvalidArgumentError(`Expected an integer${rangeOf(spec)}.`);
      }
      return value;
    }
    case "duration": {
      const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
      if (number === undefined)
        throw new InvalidArgumentError("Expected a time such as 20ms, 1.5s, 10m or 1h.");
      return Number(number) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit as "ms" | "s" | "m" | "h"];
    }
    case "number": {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!(value > spec.above && value <= (spec.max ?? Number.MAX_VALUE)))
        throw new InvalidArgumentError(`Expected a number${rangeOf(spec)}.`);
      return value;
    }
  }
}
