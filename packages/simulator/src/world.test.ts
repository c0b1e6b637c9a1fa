import { expect, test } from "vitest";
import { World } from "./world.ts";

test("what is due runs in order of time, then of arrival", async () => {
  const world = new World({ isTraced: false });
  const done: string[] = [];
  world.at(20, () => done.push("c"));
  world.at(10, () => done.push("a"));
  world.at(10, () => done.push("b"));
  // In the past: now.
  world.at(30, () => world.at(5, () => done.push(`late at ${world.nowMs}`)));
  while (await world.advance());
  expect(done).toEqual(["a", "b", "c", "late at 30"]);
});

test("a long heap comes out sorted", async () => {
  const world = new World({ isTraced: false });
  const times: number[] = [];
  for (let i = 0; i < 500; i++) world.at((i * 7919) % 503, () => times.push(world.nowMs));
  while (await world.advance());
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times).toHaveLength(500);
});

test("promises go on as far as they can before the next thing happens", async () => {
  const world = new World({ isTraced: false });
  const done: string[] = [];
  world.at(1, () => {
    void (async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve();
      done.push("promise");
    })();
  });
  world.at(1, () => done.push("next"));
  while (await world.advance());
  expect(done).toEqual(["promise", "next"]);
});
