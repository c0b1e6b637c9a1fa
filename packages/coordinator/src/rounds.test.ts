import { describe, expect, test } from "vitest";
import { commandsOf, DrivenRound, evaluateSpec, leases, trainSpec } from "./testing/driven-round.ts";

const validation = { ...evaluateSpec, number: 6, version: 1 };
const training = { ...trainSpec, number: 7, version: 1 };

describe("a validation and the step after it", () => {
  test("are under way together: who finds nothing to evaluate trains", () => {
    const driven = new DrivenRound();
    driven.join("w1", 3);
    expect(leases(driven.start(validation)).map(({ kind }) => kind)).toEqual(new Array(4).fill("evaluate"));
    // 3 slots hold 6 leases: four of the validation, and two of the step.
    expect(leases(driven.start(training)).map(({ kind }) => kind)).toEqual(["train", "train"]);
  });

  test("are complete in their order, also if the step is done first", () => {
    const driven = new DrivenRound();
    driven.join("w1", 4);
    const evaluations = leases(driven.start(validation));
    const steps = leases(driven.start(training));
    for (const lease of steps) expect(commandsOf(driven.result("w1", lease), "complete")).toEqual([]);
    const last = evaluations.flatMap((lease) => commandsOf(driven.result("w1", lease), "complete"));
    expect(last.map(({ spec }) => spec.purpose)).toEqual(["validation", "train"]);
    expect(driven.state.rounds).toEqual([]);
  });

  test("must use the same parameters", () => {
    const driven = new DrivenRound();
    driven.start(validation);
    expect(() => driven.start({ ...training, version: 2 })).toThrow(/another version/);
  });
});
