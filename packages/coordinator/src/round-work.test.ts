import { describe, expect, test } from "vitest";
import { RoundWork } from "./round-work.ts";
import { evaluateSpec, trainSpec } from "./testing/driven-round.ts";

describe("the work of a round", () => {
  test("adds gradients and sorts statistics by task, in whatever order the blocks come", () => {
    // Blocks of 2 tasks: 2 losses, then the gradient of 2 parameters.
    const bodies = [0, 1, 2, 3].map((index) => Float32Array.of(index, index + 0.5, 10 ** index, 1));
    for (const order of [
      [0, 1, 2, 3],
      [3, 1, 0, 2],
    ]) {
      const work = new RoundWork(trainSpec, ["loss"], 2, 0);
      for (const index of order) work.add({ level: 0, index }, bodies[index]!.slice());
      expect([...work.gradientSum()]).toEqual([1111, 4]);
      // 0, 0.5, 1, 1.5, ... 3.5: mean 1.75
      expect(work.means()).toEqual({ loss: 1.75 });
    }
  });

  test("of an evaluation gives mean and 95 % interval per statistic", () => {
    const spec = { ...evaluateSpec, taskCount: 4 };
    const work = new RoundWork(spec, ["loss@0", "loss@1"], 2, 0);
    work.add({ level: 0, index: 1 }, Float32Array.of(3, 0, 4, 0));
    work.add({ level: 0, index: 0 }, Float32Array.of(1, 0, 2, 0));
    // Of 1, 2, 3, 4: s^2 = 5 / 3, so 1.96 sqrt(5 / 3 / 4) = 1.2652.
    const { "loss@0": before, "loss@1": after } = work.intervals();
    expect(before).toMatchObject({ mean: 2.5, count: 4 });
    expect(before!.ci95).toBeCloseTo(1.2652, 4);
    expect(after).toEqual({ mean: 0, ci95: 0, count: 4 });
  });

  test("of an evaluation gives the same for each part of the task source", () => {
    const spec = { ...evaluateSpec, taskCount: 4 };
    const work = new RoundWork(spec, ["loss"], 2, 0);
    work.add({ level: 0, index: 0 }, Float32Array.of(1, 2));
    work.add({ level: 0, index: 1 }, Float32Array.of(3, 4));
    const asked: string[] = [];
    const parts = work.intervalsByPart((split, episode) => {
      asked.push(`${split} ${episode}`);
      return episode === spec.firstEpisode + 1 ? "b" : "a";
    });
    expect(asked).toEqual([0, 1, 2, 3].map((task) => `${spec.split} ${spec.firstEpisode + task}`));
    // The mean of 1, 3 and 4, and 2 alone.
    expect(Object.keys(parts)).toEqual(["a", "b"]);
    expect(parts.a).toMatchObject({ tasks: 3, stats: { loss: { mean: 8 / 3, count: 3 } } });
    expect(parts.b).toEqual({ tasks: 1, stats: { loss: { mean: 2, ci95: 0, count: 1 } } });
  });

  test("compares a second copy bit by bit, also where equality of numbers says nothing", () => {
    const work = new RoundWork(trainSpec, ["loss"], 2, 0);
    const body = Float32Array.of(1, 0, Number.NaN, 3);
    work.keep({ level: 0, index: 0 }, body);
    expect(work.compare({ level: 0, index: 0 }, body.slice())).toBe(0);
    expect(work.compare({ level: 0, index: 0 }, Float32Array.of(1, -0, Number.NaN, 4))).toBe(2);
    // Nothing was kept, or the copy has another shape: there is nothing to compare.
    expect(work.compare({ level: 0, index: 1 }, body)).toBeNull();
    expect(work.compare({ level: 0, index: 0 }, body.slice(1))).toBeNull();
  });

  test("keeps a copy of its own: the tree changes what it is given", () => {
    const work = new RoundWork(trainSpec, ["loss"], 2, 0);
    const body = Float32Array.of(1, 2, 3, 4);
    work.keep({ level: 0, index: 0 }, body);
    work.add({ level: 0, index: 0 }, body);
    work.add({ level: 0, index: 1 }, Float32Array.of(5, 6, 7, 8));
    expect(work.compare({ level: 0, index: 0 }, Float32Array.of(1, 2, 3, 4))).toBe(0);
  });
});
