import { createOptimizer } from "@shoal/core/outer";
import { describe, expect, test } from "vitest";
import type { Evaluation } from "./coordinator-event.ts";
import { checkPlan, roundsOf, type TrainPlan } from "./plan.ts";

const plan: TrainPlan = {
  type: "train",
  metaBatch: 4,
  tasksPerLeaf: 2,
  steps: 4,
  evaluateEvery: 2,
  validationTasks: 6,
  testTasks: 8,
  outer: createOptimizer({ type: "sgd", rate: 0.1 }),
  checkpointEverySteps: 100,
  checkpointEveryMs: 1e9,
};

const brief = (changed: Partial<TrainPlan> = {}, step = 0, evaluated: readonly Evaluation[] = []): string[] =>
  [...roundsOf({ ...plan, ...changed }, step, evaluated)].map(
    ({ purpose, version }) => `${purpose} ${version}`,
  );

const evaluationOf = (purpose: Evaluation["purpose"], step: number, tasks: number): Evaluation => ({
  purpose,
  split: "test",
  step,
  tasks,
  stats: {},
});

describe("the rounds of a training run", () => {
  test("are a test, the steps with a validation every few of them, and a test", () => {
    expect(brief()).toEqual([
      "test-before 0",
      "train 0",
      "train 1",
      "validation 2",
      "train 2",
      "train 3",
      "test-after 4",
    ]);
  });

  test("hold no validation when none is asked for", () => {
    expect(brief({ evaluateEvery: 0, steps: 2 })).toEqual([
      "test-before 0",
      "train 0",
      "train 1",
      "test-after 2",
    ]);
  });

  test("without steps are one test", () => {
    expect(brief({ steps: 0 })).toEqual(["test-before 0"]);
  });

  test("never use an episode twice for training", () => {
    const steps = [...roundsOf(plan, 0)].filter(({ kind }) => kind === "train");
    expect(steps.map(({ firstEpisode, taskCount }) => [firstEpisode, taskCount])).toEqual([
      [0, 4],
      [4, 4],
      [8, 4],
      [12, 4],
    ]);
  });
});

describe("a resumed run", () => {
  test("starts after its checkpoint, with the validation that was due there", () => {
    expect(brief({}, 2)).toEqual(["validation 2", "train 2", "train 3", "test-after 4"]);
  });

  test("does not evaluate again what is evaluated", () => {
    expect(brief({}, 2, [evaluationOf("validation", 2, 6)])).toEqual(["train 2", "train 3", "test-after 4"]);
    expect(brief({}, 0, [evaluationOf("test-before", 0, 8)])[0]).toBe("train 0");
    expect(brief({}, 4, [evaluationOf("test-after", 4, 8)])).toEqual([]);
  });

  test("evaluates again when the number of tasks is another", () => {
    expect(brief({ testTasks: 10 }, 4, [evaluationOf("test-after", 4, 8)])).toEqual(["test-after 4"]);
  });

  test("gives its rounds the numbers that they had before", () => {
    const all = [...roundsOf(plan, 0)];
    expect([...roundsOf(plan, 2)]).toEqual(all.slice(-4));
  });

  test("never gives the number of one round to another, whatever has changed in the plan", () => {
    const rounds = [
      ...roundsOf(plan, 0),
      ...roundsOf({ ...plan, steps: 9, evaluateEvery: 4 }, 0),
      ...roundsOf({ ...plan, steps: 6, evaluateEvery: 0 }, 0),
      ...roundsOf({ ...plan, steps: 0 }, 0),
    ];
    const names = new Map<number, Set<string>>();
    for (const { number, purpose, version } of rounds) {
      names.set(number, (names.get(number) ?? new Set()).add(`${purpose} ${version}`));
    }
    expect([...names.values()].filter(({ size }) => size > 1)).toEqual([]);
    // ... and in the order of the plan.
    const numbers = [...roundsOf(plan, 0)].map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });
});

test("an evaluation is one round over its split", () => {
  expect([...roundsOf({ type: "evaluate", split: "test", tasks: 10, tasksPerLeaf: 5 }, 7)]).toMatchObject([
    { purpose: "evaluate", kind: "evaluate", split: "test", version: 7, firstEpisode: 0, taskCount: 10 },
  ]);
});

describe("a plan", () => {
  test.each([{ metaBatch: 5 }, { validationTasks: 0 }, { testTasks: 2.5 }, { testTasks: -2 }])(
    "with %j is refused: leaves are full",
    (changed) => {
      const [[name, count]] = Object.entries(changed) as [[string, number]];
      expect(() => checkPlan({ ...plan, ...changed })).toThrow(
        expect.objectContaining({
          code: "E_CONFIG",
          message: `${name}: expected a multiple of tasksPerLeaf (2), got ${count}; change one of the two`,
        }),
      );
    },
  );

  test("that fits is taken", () => {
    expect(() => checkPlan(plan)).not.toThrow();
  });
});
