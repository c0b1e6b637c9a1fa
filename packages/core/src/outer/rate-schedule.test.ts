import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RateSchedule, rateAt } from "./rate-schedule.ts";

describe("rateAt", () => {
  test.each([
    [{ type: "constant" }, [1, 1, 1, 1, 1]],
    // 1 - step / 4
    [{ type: "linear", final: 0 }, [1, 0.75, 0.5, 0.25, 0]],
    // 0.2 + 0.8 (1 + cos(pi step / 4)) / 2, with cos(pi / 4) = 0.70710678
    [{ type: "cosine", final: 0.2 }, [1, 0.882842712, 0.6, 0.317157288, 0.2]],
    [{ type: "halve", every: 2 }, [1, 1, 0.5, 0.5, 0.25]],
  ] as const)("follows %j", (schedule, expected) => {
    expected.forEach((rate, step) => {
      expect(rateAt(1, schedule, step, 4)).toBeCloseTo(rate, 8);
    });
  });

  test("a fall of its own length ends there, whatever the run's", () => {
    const schedule: RateSchedule = { type: "linear", final: 0.1, steps: 10 };
    expect(rateAt(0.5, schedule, 5, 1000)).toBeCloseTo(0.3, 12);
    expect(rateAt(0.5, schedule, 10, 1000)).toBeCloseTo(0.1, 12);
    expect(rateAt(0.5, schedule, 999, 1000)).toBeCloseTo(0.1, 12);
  });

  test("never leaves the interval between the first and the last rate", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("linear" as const, "cosine" as const),
        fc.integer({ min: 1, max: 1e6 }),
        fc.nat({ max: 2e6 }),
        (type, steps, step) => {
          const rate = rateAt(0.01, { type, final: 0.001 }, step, steps);
          // 1e-17: the rounding of a sum of numbers below 0.01
          expect(rate).toBeGreaterThanOrEqual(0.001 - 1e-17);
          expect(rate).toBeLessThanOrEqual(0.01 + 1e-17);
        },
      ),
    );
  });
});
