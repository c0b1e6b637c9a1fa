import { expect, onTestFinished, test } from "vitest";
import type { CoordinatorEvent } from "../coordinator-event.ts";
import { startCoordinator } from "../start-coordinator.ts";
import { layout, statNames } from "../testing/made-up-work.ts";
import { initialParams, plan } from "../testing/simulated-run.ts";

const ADMIN = "a".repeat(20);

async function start() {
  const events: CoordinatorEvent[] = [];
  const coordinator = await startCoordinator({
    experiment: { name: "made-up" },
    runId: "run-1",
    incarnation: 1,
    layout,
    dataHash: null,
    start: { step: 0, params: initialParams, optimizer: plan.outer.init(layout.size), evaluations: [] },
    plan,
    statNames,
    runDirectory: null,
    workersMin: 1,
    onEvent: (event) => void events.push(event),
    listen: { host: "127.0.0.1", port: 0 },
    scopes: { worker: { type: "open" }, observer: { type: "open" }, admin: { type: "token", token: ADMIN } },
  });
  onTestFinished(async () => {
    coordinator.stop("the test is over");
    await coordinator.finished;
  });
  const base = coordinator.url.replace("ws:", "http:");
  const post = async (path: string, token = ADMIN) => {
    const response = await fetch(`${base}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, text: await response.text() };
  };
  return { coordinator, events, post };
}

test("a run is paused by whom and why, resumed, and each of both only once", async () => {
  const { coordinator, events, post } = await start();
  expect(await post("/pause?by=ada%40host&reason=new%20cables")).toMatchObject({ status: 200 });
  expect(coordinator.waits()).toEqual([
    expect.objectContaining({ owner: "ada@host", reason: "paused: new cables", untilMs: null }),
  ]);
  expect(await post("/pause")).toEqual({ status: 409, text: "paused already by ada@host: new cables\n" });
  expect(await post("/resume")).toMatchObject({ status: 200 });
  expect(await post("/resume")).toMatchObject({ status: 409 });
  expect(events.map(({ type }) => type)).toContain("resumed");
});

test("a run is stopped, and says by whom", async () => {
  const { coordinator, post } = await start();
  expect(await post("/stop?by=ada")).toMatchObject({ status: 200 });
  expect(await coordinator.finished).toMatchObject({ type: "stopped", message: "stopped by ada" });
});

test("only the admin's token steers, and only by POST", async () => {
  const { coordinator, post } = await start();
  expect(await post("/stop", "b".repeat(20))).toMatchObject({ status: 401 });
  const answer = await fetch(`${coordinator.url.replace("ws:", "http:")}/stop`, {
    headers: { authorization: `Bearer ${ADMIN}` },
  });
  expect(answer.status).toBe(404);
});
