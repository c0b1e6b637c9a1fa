import { describe, expect, test } from "vitest";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import type { OptionSpec } from "./option-spec.ts";
import { type OptionName, optionTable } from "./option-table.ts";
import { parseCommandLine, specOf } from "./parse-command-line.ts";

const parse = (...args: string[]) => parseCommandLine(args, commands, "1.2.3");

/** What is wrong with a command line, in one line. */
function wrongOf(...args: string[]): string {
  const parsed = parse(...args);
  if (parsed.type !== "wrong") throw new Error(`expected a refusal, got ${parsed.type}`);
  expect(parsed.message).not.toMatch(/\n|^error/);
  return parsed.message;
}

function valuesOf(...args: string[]) {
  const parsed = parse(...args);
  if (parsed.type !== "run") throw new Error(`expected a run, got ${JSON.stringify(parsed)}`);
  return parsed;
}

function helpOf(...args: string[]): string {
  const parsed = parse(...args, "--help");
  if (parsed.type !== "answered") throw new Error(`expected help, got ${parsed.type}`);
  return parsed.text;
}

/** Arguments that a command cannot do without. */
const needed = (command: Command): string[] => (command.arguments.startsWith("<") ? ["thing"] : []);

/** Every option of every command. */
const everyOption = commands.flatMap((command) =>
  command.options.map((name): [string, OptionName, Command] => [command.name, name, command]),
);

/** `--out`, after its letter if it has one. */
function shown(name: OptionName): string {
  const { short }: OptionSpec = optionTable[name];
  return short === undefined ? `--${name}` : `-${short}, --${name}`;
}

/** Texts that an option of this kind refuses, each with what was expected. */
function refusedBy(spec: OptionSpec): readonly [text: string, expected: string][] {
  switch (spec.type) {
    case "flag":
      return [];
    case "text":
      return [
        ["", `Expected ${spec.value}, got nothing.`],
        ["--json", `Expected ${spec.value}, got an option.`],
      ];
    case "choice":
      return ["", "nothing-like-it", `${spec.choices[0]!}X`].map((text) => [
        text,
        `Expected one of ${spec.choices.join(", ")}; did you mean`,
      ]);
    case "duration":
      return ["", "5", "-5s", "5 s", "5d", "s"].map((text) => [
        text,
        "Expected a time such as 20ms, 1.5s, 10m or 1h.",
      ]);
    case "number": {
      const range = spec.max === undefined ? `> ${spec.above}` : `> ${spec.above}, <= ${spec.max}`;
      const tooBig = spec.max === undefined ? [] : [String(spec.max + 0.5)];
      return ["", " ", "x", "NaN", "Infinity", "1e400", "-1", String(spec.above), "1,5", ...tooBig].map(
        (text) => [text, `Expected a number, ${range}.`],
      );
    }
    case "integer": {
      const range = spec.max === undefined ? `>= ${spec.min}` : `${spec.min} to ${spec.max}`;
      // 2^53 is the first integer that a double no longer tells from its neighbour.
      const above = spec.max === undefined ? "9007199254740992" : String(spec.max + 1);
      return ["", "x", "1.5", "1e3", "0x10", "-1", String(spec.min - 1), above].map((text) => [
        text,
        `Expected an integer, ${range}.`,
      ]);
    }
  }
}

/** Texts that an option of this kind takes, with their values. */
function takenBy(spec: OptionSpec): readonly [text: string, value: string | number][] {
  switch (spec.type) {
    case "flag":
      return [];
    case "text":
      return [["some text", "some text"]];
    case "choice":
      return spec.choices.map((choice) => [choice, choice]);
    case "duration":
      return [
        ["20ms", 20],
        ["1.5s", 1_500],
        ["10m", 600_000],
        ["1h", 3_600_000],
      ];
    case "number":
      return [
        [String(spec.above + 0.5), spec.above + 0.5],
        ["1e-3", 0.001],
      ];
    case "integer":
      return [spec.min, spec.max ?? Number.MAX_SAFE_INTEGER].map((value) => [String(value), value]);
  }
}

describe("every option of every command", () => {
  test.each(everyOption)("%s --%s takes the ends of its range", (_, name, command) => {
    for (const [text, value] of takenBy(specOf(command, name))) {
      const { values, given } = valuesOf(command.name, ...needed(command), `--${name}`, text);
      expect(values[name]).toBe(value);
      expect([...given]).toEqual([name]);
    }
  });

  test.each(everyOption)("%s --%s refuses a wrong value and says what was expected", (_, name, command) => {
    for (const [text, expected] of refusedBy(specOf(command, name))) {
      const message = wrongOf(command.name, ...needed(command), `--${name}`, text);
      expect(message).toContain(`option '${shown(name)} `);
      expect(message).toContain(`argument '${text}' is invalid. ${expected}`);
    }
  });

  test.each(everyOption)(
    "%s --%s refuses a missing value, or any value if it is a flag",
    (_, name, command) => {
      if (optionTable[name].type === "flag") {
        expect(valuesOf(command.name, ...needed(command), `--${name}`).values[name]).toBe(true);
        expect(wrongOf(command.name, ...needed(command), `--${name}=yes`)).toContain(
          `unknown option '--${name}=yes'`,
        );
      } else {
        expect(wrongOf(command.name, ...needed(command), `--${name}`)).toMatch(
          new RegExp(`^option '${shown(name)} .*' argument missing; see: shoal ${command.name} --help$`),
        );
      }
    },
  );

  test.each(everyOption)(
    "%s --%s, mistyped, is answered with the name that was meant",
    (_, name, command) => {
      const mistyped = `--${name}x`;
      const message = wrongOf(command.name, ...needed(command), mistyped, "1");
      expect(message).toContain(`unknown option '${mistyped}' (Did you mean `);
      expect(message).toContain(`--${name}`);
    },
  );

  test.each(everyOption)(
    "%s --%s is in the help, with its range and what happens without it",
    (_, name, command) => {
      const spec = specOf(command, name);
      const help = helpOf(command.name).replaceAll(/\s+/g, " ");
      const after = help.slice(help.indexOf(` --${name} `));
      expect(help).toContain(` --${name} `);
      expect(after).toContain(spec.help);
      const fallback = ("fallback" in spec ? spec.fallback : undefined) ?? spec.unset;
      if (fallback !== undefined) expect(after).toContain(`[${fallback}]`);
      if (spec.type === "integer")
        expect(after).toContain(spec.max === undefined ? `>= ${spec.min}` : String(spec.max));
      if (spec.type === "number") expect(after).toContain(`> ${spec.above}`);
    },
  );
});

describe("a command", () => {
  test.each(commands.map((command) => [command.name, command] as const))(
    "%s has a help with its summary and an example that parses",
    (name, command) => {
      const help = helpOf(name);
      expect(help.replaceAll(/\s+/g, " ")).toContain(command.summary);
      expect(help).toContain(`Example: ${command.example}\n`);
      const [program, ...args] = command.example.split(" ").slice(command.example.startsWith("npx ") ? 1 : 0);
      expect(program).toBe("shoal");
      expect(valuesOf(...args).command).toBe(command);
    },
  );

  test.each(commands.map(({ name, options }) => [name, options] as const))(
    "%s names no option twice",
    (_, options) => {
      expect(new Set(options).size).toBe(options.length);
    },
  );

  test("that is mistyped is answered with the one that was meant", () => {
    expect(wrongOf("trian")).toBe("unknown command 'trian' (Did you mean train?)");
  });

  test("that is unlike any other is answered with where to look", () => {
    expect(wrongOf("xylophone")).toBe("unknown command 'xylophone'; see: shoal --help");
  });

  test("takes no more arguments than it names, and no fewer", () => {
    expect(wrongOf("train", "omniglot")).toBe(
      "too many arguments for 'train'. Expected 0 arguments but got 1; see: shoal train --help",
    );
    expect(wrongOf("evaluate")).toBe("missing required argument 'run'; see: shoal evaluate --help");
    expect(valuesOf("data", "verify", "glyphs").positional).toEqual(["verify", "glyphs"]);
    expect(valuesOf("data").positional).toEqual([]);
  });

  test("must come before its options", () => {
    expect(wrongOf("--json", "train")).toBe("unknown option '--json'; see: shoal --help");
  });
});

describe("the values of a command line", () => {
  test("hold a flag that takes something away once it is given", () => {
    expect(valuesOf("bench").values["no-compile-cache"]).toBeUndefined();
    expect(valuesOf("bench", "--no-compile-cache").values["no-compile-cache"]).toBe(true);
  });

  test("are the table's defaults where nothing is given, and only options of that command", () => {
    const { values, given } = valuesOf("train");
    expect(values).toEqual({
      preset: "quickstart",
      workers: 2,
      host: "127.0.0.1",
      device: "cpu",
      "checkpoint-every": 500,
      "log-gradient-mb": 16,
      "log-level": "info",
    });
    expect(given.size).toBe(0);
    expect(valuesOf("worker").values).toEqual({
      device: "cpu",
      "reconnect-for": 300,
      "drain-exit-code": 0,
      "log-level": "info",
    });
  });

  test("tell a default that was given from one that was not", () => {
    const { values, given } = valuesOf("train", "--workers", "2");
    expect(values.workers).toBe(2);
    expect([...given]).toEqual(["workers"]);
  });

  test("come in the order of the command's options, whatever the order on the command line", () => {
    const { given } = valuesOf("train", "--ways", "3", "--preset", "sinusoid", "--dataset", "glyphs");
    expect([...given]).toEqual(["preset", "dataset", "ways"]);
  });

  test("may be joined to the name by an equals sign; of two the last one counts", () => {
    expect(valuesOf("train", "--ways=3", "--ways", "7").values.ways).toBe(7);
  });

  test("never swallow the next option", () => {
    expect(wrongOf("train", "--run-dir", "--resume")).toBe(
      "option '--run-dir <dir>' argument '--resume' is invalid. Expected <dir>, got an option.",
    );
    expect(wrongOf("train", "--ways", "--shots", "1")).toContain("argument '--shots' is invalid");
  });
});

describe("without a command", () => {
  test("the help lists every command with its summary", () => {
    const parsed = parse();
    expect(parsed).toEqual({ type: "answered", text: helpOf() });
    const help = helpOf().replaceAll(/\s+/g, " ");
    for (const { name, summary } of commands) expect(help).toContain(` ${name} ${summary}`);
  });

  test("--version answers with the version alone", () => {
    expect(parse("--version")).toEqual({ type: "answered", text: "1.2.3\n" });
  });
});
