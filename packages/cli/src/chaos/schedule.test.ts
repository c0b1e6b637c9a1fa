import { expect, test } from "vitest";
import { type FaultKind, faultKinds, parseFaultKinds } from "./fault.ts";
import { drawSchedule } from "./schedule.ts";

const kinds = Object.keys(faultKinds) as FaultKind[];
const options = { seed: 1, kinds, everyMs: 5_000, forMs: 120_000, workers: 3 };

test("the same seed gives the same schedule, another seed another one", () => {
  expect(drawSchedule(options)).toEqual(drawSchedule(options));
  expect(drawSchedule({ ...options, seed: 2 })).not.toEqual(drawSchedule(options));
});

test("every kind comes once before any comes again", () => {
  const faults = drawSchedule({ ...options, forMs: 1_000_000 });
  // Gaps lie between half of the mean and one and a half of it: at least 1,000 s / 7.5 s = 133 faults.
  expect(faults.length).toBeGreaterThanOrEqual(133);
  for (let i = 0; i + kinds.length <= faults.length; i += kinds.length) {
    const round = faults.slice(i, i + kinds.length).map(({ kind }) => kind);
    expect([...round].sort()).toEqual([...kinds].sort());
  }
});

test("faults come in order, in time, and to workers that there are", () => {
  const faults = drawSchedule(options);
  let before = 0;
  for (const fault of faults) {
    const gapMs = fault.atMs - before;
    expect(gapMs).toBeGreaterThanOrEqual(2_500);
    expect(gapMs).toBeLessThanOrEqual(7_500);
    expect(fault.atMs).toBeLessThanOrEqual(120_000);
    if ("worker" in fault) expect([0, 1, 2]).toContain(fault.worker);
    before = fault.atMs;
  }
});

test("a kind that is not named does not come", () => {
  const faults = drawSchedule({ ...options, kinds: parseFaultKinds("cut, kill") });
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(["kill", "cut"]));
});

test("an unknown kind is answered with the nearest", () => {
  expect(() => parseFaultKinds("kill,corupt")).toThrow(
    '--faults: expected some of kill,stop,term,coordinator,cut,stall,delay,corrupt, got "corupt"; did you mean corrupt?',
  );
});
