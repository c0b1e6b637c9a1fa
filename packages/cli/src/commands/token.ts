import { existsSync } from "node:fs";
import { type Command, EXIT } from "../command.ts";
import { newTokens, tokenFileText } from "../token.ts";
import { usageError } from "../usage-error.ts";
import { writePrivately } from "../write-privately.ts";

/** The file where none is named. */
const FILE = "shoal-tokens";

export const token: Command = {
  name: "token",
  summary: "Make a file with new tokens for workers, observers and the admin of a coordinator.",
  arguments: "[file]",
  options: ["json"],
  example: "shoal token shoal-tokens",
  async run({ positional, terminal }) {
    const file = positional[0] ?? FILE;
    if (existsSync(file)) {
      throw usageError(`${file}: expected a new file, got one that is there; name another one, or remove it`);
    }
    try {
      writePrivately(file, tokenFileText(newTokens()));
    } catch (error) {
      throw usageError(`${file}: cannot be written: ${(error as Error).message}; name another place`);
    }
    terminal.line(`${file}: one line each for worker, observer and admin; only you can read it`);
    terminal.line("next:");
    terminal.line(`  npx shoal coordinator --host 0.0.0.0 --token-file ${file}`);
    terminal.line(`  grep '^worker' ${file} > worker-token    (all that a machine with workers needs)`);
    terminal.json({ event: "token", file });
    return EXIT.done;
  },
};
