import { expect, test } from "vitest";
import type { RoundSpec } from "../round-spec.ts";
import { describeWait } from "./describe-wait.ts";

const spec: RoundSpec = {
  number: 0,
  purpose: "train",
  kind: "train",
  split: "train",
  version: 117,
  firstEpisode: 0,
  taskCount: 4,
  tasksPerLeaf: 1,
};
const wait = {
  what: "lease 7: train episodes 12-15",
  reason: "its worker computes it",
  owner: "b (host:12)",
  sinceMs: 1_000,
  untilMs: 11_000,
};

test("a wait says who waits, for what and whom, why, since when and until when", () => {
  // Parameters with 117 committed steps are those of step 118.
  expect(describeWait(wait, spec, 4_200)).toBe(
    "step 118 waits for lease 7: train episodes 12-15, by b (host:12): its worker computes it; " +
      "3.2 s so far, for 6.8 s more at most",
  );
});

test("a wait without a deadline is its owner's, and one past its deadline has none left", () => {
  expect(describeWait({ ...wait, untilMs: null }, null, 4_200)).toMatch(
    /^the run waits .*until its owner ends it$/,
  );
  expect(describeWait(wait, { ...spec, purpose: "validation" }, 91_500)).toMatch(
    /^the validation of step 117 waits .*91 s so far, for 0\.0 s more at most$/,
  );
});
