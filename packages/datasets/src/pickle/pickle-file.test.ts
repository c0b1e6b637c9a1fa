import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { latin1IndexBytes } from "../limits.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { FileBytes } from "./file-bytes.ts";
import { PickleFile } from "./pickle-file.ts";

test("any part of a long string comes back, written as bytes or as text", async () => {
  const path = join(await temporaryDirectory(onTestFinished), "strings");
  const bytes = Buffer.from(
    Uint8Array.from({ length: 3 * latin1IndexBytes + 5 }, (_, i) => (i * 7919 + (i >> 8)) % 256),
  );
  const text = Buffer.from(bytes.toString("latin1"), "utf8");
  await writeFile(path, Buffer.concat([Buffer.from("abc"), bytes, text]));
  const file = new PickleFile(path);
  const plain = new FileBytes(3, bytes.length, "bytes");
  const coded = new FileBytes(3 + bytes.length, text.length, "latin1-in-utf8");
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(bytes.length), (a, b) => {
      const [first, last] = a < b ? [a, b] : [b, a];
      const expected = bytes.subarray(first, last);
      expect(file.slice(plain, first, last - first).equals(expected)).toBe(true);
      expect(file.slice(coded, first, last - first).equals(expected)).toBe(true);
    }),
    { numRuns: 50 },
  );
  for (const string of [plain, coded]) {
    expect(() => file.slice(string, bytes.length - 1, 2)).toThrow(/expected 196614 bytes, got/);
  }
  file.close();
});
