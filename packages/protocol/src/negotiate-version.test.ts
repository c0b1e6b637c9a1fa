import { expect, test } from "vitest";
import { negotiateVersion } from "./negotiate-version.ts";

test("the highest version that both sides speak wins; without one there is none", () => {
  expect(negotiateVersion({ min: 1, max: 3 }, { min: 2, max: 5 })).toBe(3);
  expect(negotiateVersion({ min: 1, max: 1 }, { min: 1, max: 1 })).toBe(1);
  expect(negotiateVersion({ min: 1, max: 2 }, { min: 3, max: 4 })).toBeNull();
  expect(negotiateVersion({ min: 3, max: 4 }, { min: 1, max: 2 })).toBeNull();
});
