import { describe, expect, test } from "vitest";
import { type ChaosReport, describeReport, hasHeld } from "./report.ts";

const report: ChaosReport = {
  seed: 1,
  steps: 1_200,
  faults: { kill: 3, coordinator: 2, corrupt: 1 },
  skipped: 1,
  ms: 95_000,
  quietMs: 60_000,
  paramsHash: "a".repeat(64),
  quietParamsHash: "a".repeat(64),
  isHashEqual: true,
  isLedgerConsistent: true,
  ledgerFaults: [],
  tasksCounted: 40_000,
  tasksComputed: 40_500,
  restartMs: [900, 1_400],
  surprises: [],
};

describe("the report of a run under faults", () => {
  test("says what happened, what it cost and what came of it", () => {
    expect(describeReport(report)).toEqual([
      "faults        6, and 1 that nobody was there for",
      "  kill          3  SIGKILL of a worker, which is started again",
      "  coordinator   2  SIGKILL of the coordinator, which is started again with --resume",
      "  corrupt       1  a bit is changed on a worker's connection",
      "steps         1,200 in 1 min 35 s; 1 min 0 s without faults",
      "extra time    35.0 s",
      // 500 of 40,000.
      "tasks         40,000 count, 40,500 were computed: 500 twice or in vain (1.25 %)",
      "restarts      of the coordinator, to its first leases: 0.9 s, 1.4 s",
      `hash equal    yes: ${"a".repeat(64)}`,
      "ledger        consistent: yes, every block counted once",
    ]);
    expect(hasHeld(report)).toBe(true);
  });

  test.each([
    [{ isHashEqual: false, quietParamsHash: "b".repeat(64) }, /NO: a{64}, the quiet run has b{64}/],
    [
      { isLedgerConsistent: false, ledgerFaults: ["leaf 3 of step 7 counted twice"] },
      /NO: leaf 3 of step 7 counted twice/,
    ],
    [{ surprises: ["worker-1 ended by itself (SIGABRT)"] }, /surprise +worker-1 ended by itself \(SIGABRT\)/],
  ])("is none of success with %o", (changes, said) => {
    expect(hasHeld({ ...report, ...changes })).toBe(false);
    expect(describeReport({ ...report, ...changes }).join("\n")).toMatch(said);
  });
});
