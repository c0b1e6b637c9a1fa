import { expect, test } from "vitest";
import { SimulatedProcess } from "./simulated-process.ts";
import { World } from "./world.ts";

function start(clockRate = 1): { world: World; process: SimulatedProcess; done: string[] } {
  const world = new World({ isTraced: false });
  const done: string[] = [];
  const process = new SimulatedProcess({
    world,
    name: "process",
    clockStartMs: 500,
    clockRate,
    onException: (error) => done.push((error as Error).message),
  });
  return { world, process, done };
}

async function runUntil(world: World, ms: number): Promise<void> {
  world.at(ms, () => {});
  while (world.nowMs < ms) await world.advance();
}

test("its timers follow its own clock", async () => {
  const { world, process, done } = start(2);
  process.clock.after(100, () => done.push(`${world.nowMs} ${process.clock.nowMs()}`));
  await runUntil(world, 1_000);
  // 100 of its ms pass in 50 of the world's.
  expect(done).toEqual(["50 600"]);
});

test("a stopped process catches up when it goes on: timers first, then what came, in order", async () => {
  const { world, process, done } = start();
  process.clock.after(100, () => done.push("timer"));
  world.at(10, () => process.stop(1_000));
  world.at(20, () => process.run(() => done.push("first")));
  world.at(30, () => process.run(() => done.push("second")));
  await runUntil(world, 1_009);
  expect(done).toEqual([]);
  await runUntil(world, 1_011);
  expect(done).toEqual(["timer", "first", "second"]);
});

test("an interval that was stopped fires once, and goes on from there", async () => {
  const { world, process, done } = start();
  process.clock.every(100, () => done.push(String(world.nowMs)));
  world.at(250, () => process.stop(500));
  await runUntil(world, 1_000);
  expect(done).toEqual(["100", "200", "750", "850", "950"]);
});

test("a clock that jumps makes timers due early", async () => {
  const { world, process, done } = start();
  process.clock.after(1_000, () => done.push(String(world.nowMs)));
  world.at(100, () => process.jump(700));
  await runUntil(world, 2_000);
  expect(done).toEqual(["300"]);
});

test("a dead process does nothing any more", async () => {
  const { world, process, done } = start();
  process.clock.after(100, () => done.push("timer"));
  process.onDeath(() => done.push("dies"));
  process.kill();
  process.run(() => done.push("task"));
  await runUntil(world, 1_000);
  expect(done).toEqual(["dies"]);
});

test("an exception that nobody catches is told", () => {
  const { process, done } = start();
  process.run(() => {
    throw new Error("a bug");
  });
  expect(done).toEqual(["a bug"]);
});
