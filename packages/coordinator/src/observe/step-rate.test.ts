import { expect, test } from "vitest";
import { RATE_STEPS } from "../limits.ts";
import { StepRate } from "./step-rate.ts";

test("the rate is unknown before two steps, and follows the last ones", () => {
  const rate = new StepRate();
  expect(rate.perSecond(0)).toBeNull();
  rate.add(0);
  expect(rate.perSecond(10)).toBeNull();
  rate.add(500);
  // One step in 500 ms.
  expect(rate.perSecond(500)).toBe(2);
  // From here on 100 ms per step: once the slow one is out of the window, 10 per second.
  for (let i = 1; i <= RATE_STEPS; i++) rate.add(500 + 100 * i);
  expect(rate.perSecond(500 + 100 * RATE_STEPS)).toBe(10);
});

test("the rate falls while nothing comes", () => {
  const rate = new StepRate();
  rate.add(0);
  rate.add(1000);
  expect(rate.perSecond(10_000)).toBe(0.1);
});
