import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { keepRunTokens, scopesOf } from "./run-tokens.ts";
import { newTokens, readToken, readTokens, tokenFileText } from "./token.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-token-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A file with this text. */
function file(text: string): string {
  const path = join(directory, "token");
  writeFileSync(path, text);
  return path;
}

describe("the token", () => {
  test("is null without a file", () => {
    expect(readToken(undefined)).toBeNull();
  });

  test.each([
    ["with a line break at its end", "0123456789abcdef\n"],
    ["without one", "0123456789abcdef"],
    ["with Windows line breaks", "0123456789abcdef\r\n"],
    ["with blanks around", "  0123456789abcdef \n"],
    ["with more lines", "0123456789abcdef\nanother line, longer than sixteen characters\n"],
  ])("is the first line of a file %s", (_, text) => {
    expect(readToken(file(text))).toBe("0123456789abcdef");
  });

  test.each([
    ["", 0],
    ["\n0123456789abcdef\n", 0],
    ["0123456789abcde\n", 15],
    ["                        \n", 0],
  ])("is refused where the file holds %j", (text, length) => {
    const path = file(text);
    expect(() => readToken(path)).toThrow(
      expect.objectContaining({
        code: "E_USAGE",
        message:
          `--token-file: expected at least 16 characters in the first line of ${path}, got ${length}; ` +
          "make a file with: shoal token",
      }),
    );
  });

  test("never is in the message that refuses it", () => {
    expect(() => readToken(file("secret\n"))).toThrow(/^(?!.*secret)/);
  });

  test("that cannot be read is refused by the file's name", () => {
    const path = join(directory, "missing");
    expect(() => readToken(path)).toThrow(
      expect.objectContaining({
        code: "E_USAGE",
        message: expect.stringContaining(`--token-file: cannot read ${path}: ENOENT`) as string,
      }),
    );
  });
});

describe("a file with a token for each scope", () => {
  const tokens = { worker: "w".repeat(20), observer: "o".repeat(20), admin: "a".repeat(20) };

  test("gives each scope its own, and reads back as it was written", () => {
    const path = file(tokenFileText(tokens));
    expect(readTokens(path)).toEqual(tokens);
    expect(readToken(path)).toBe(tokens.worker);
    expect(readToken(path, "admin")).toBe(tokens.admin);
  });

  test("may hold some of them; who needs another one is told so", () => {
    const path = file(`worker ${tokens.worker}\n`);
    expect(readToken(path)).toBe(tokens.worker);
    expect(() => readToken(path, "admin")).toThrow(
      `--token-file: expected the admin's token in ${path}, got none; see its lines' first words`,
    );
    // A bare token is the worker's.
    expect(() => readToken(file("0123456789abcdef"), "observer")).toThrow(/the observer's token/);
  });

  test.each([
    `worker ${tokens.worker}\nworker ${tokens.worker}\n`,
    `worker ${tokens.worker}\nroot ${tokens.admin}\n`,
    `worker ${tokens.worker}\nadmin short\n`,
  ])("is refused where it holds %j, without a token in the message", (text) => {
    expect(() => readTokens(file(text))).toThrow(/^(?!.*(wwww|aaaa|short)).*--token-file: expected/);
  });
});

describe("the tokens of a run", () => {
  test("are made once, kept over starts, and readable by their owner alone", () => {
    const first = keepRunTokens(directory, {});
    expect(keepRunTokens(directory, {})).toEqual(first);
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
    expect(new Set(Object.values(first.tokens)).size).toBe(3);
  });

  test("are those of --token-file where it has one", () => {
    const { admin } = keepRunTokens(directory, {}).tokens;
    const { tokens } = keepRunTokens(directory, { worker: "0123456789abcdef" });
    expect(tokens).toMatchObject({ worker: "0123456789abcdef", admin });
  });

  test("open nothing to the admin without a token, and nothing to anybody once a token file is given", () => {
    const tokens = newTokens();
    expect(scopesOf(false, tokens)).toMatchObject({
      worker: { type: "open" },
      observer: { type: "open" },
      admin: { type: "token", token: tokens.admin },
    });
    expect(scopesOf(true, tokens)).toMatchObject({ worker: { type: "token" }, observer: { type: "token" } });
    expect(scopesOf(false, null).admin).toEqual({ type: "closed" });
  });
});
