import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readToken } from "./token.ts";

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
          "make one with: openssl rand -hex 32",
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
