import { ShoalError } from "@shoal/core/outer";
import { describe, expect, test } from "vitest";
import { usageError } from "./usage-error.ts";
import { codeOf, exitCodeFor } from "./user-error.ts";

describe("the code of an error", () => {
  test("is the one of a ShoalError, also of one that crossed a thread and lost its class", () => {
    expect(codeOf(new ShoalError("E_SHAPE", "x"))).toBe("E_SHAPE");
    expect(codeOf(Object.assign(new Error("x"), { code: "E_SHAPE" }))).toBe("E_SHAPE");
    expect(codeOf(usageError("--x: expected y"))).toBe("E_USAGE");
  });

  test.each([
    ["an error of Node.js", Object.assign(new Error("x"), { code: "ERR_OUT_OF_RANGE" })],
    ["an error of the system", Object.assign(new Error("x"), { code: "ENOENT" })],
    ["an error without a code", new TypeError("x")],
    ["an error with a number for a code", Object.assign(new Error("x"), { code: 7 })],
    ["a thrown object", { code: "E_SHAPE" }],
    ["nothing", undefined],
  ])("is null for %s, which is a bug", (_, error) => {
    expect(codeOf(error)).toBeNull();
  });
});

describe("the exit code", () => {
  test.each([
    "E_USAGE",
    "E_CONFIG",
    "E_EXPERIMENT",
    "E_DATASET_CONFIG",
    "E_DATASET_MISSING",
    "E_TOKEN",
    "E_CERTIFICATE",
    "E_REFUSED",
    "E_PROTOCOL",
    "E_DATA_HASH",
    "E_PARAM_COUNT",
    "E_RUN_DIRECTORY",
  ])("of %s is 2: the same command line fails again", (code) => {
    expect(exitCodeFor(code)).toBe(2);
  });

  test.each(["E_CONNECT", "E_WORKERS", "E_DISK", "E_DIVERGED", "E_CHECKPOINT", "E_DATASET_CORRUPT", "E_BUG"])(
    "of %s is 1: the run failed",
    (code) => {
      expect(exitCodeFor(code)).toBe(1);
    },
  );
});
