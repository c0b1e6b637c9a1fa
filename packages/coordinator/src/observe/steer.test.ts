import { connectWebSocket } from "@shoal/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import type { CoordinatorEvent } from "../coordinator-event.ts";
import { startCoordinator } from "../start-coordinator.ts";
import { layout, statNames } from "../testing/made-up-work.ts";
import { work } from "../testing/memory-worker.ts";
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

test("a worker is drained by its name, and who is not there is told with those that are", async () => {
  const { coordinator, events, post } = await start();
  expect(await post("/drain?worker=memory")).toEqual({
    status: 404,
    text: "there is no worker memory here; no worker is connected\n",
  });
  await post("/pause");
  const worker = work(await connectWebSocket(coordinator.url, { token: null, fingerprint: null }));
  const other = work(await connectWebSocket(coordinator.url, { token: null, fingerprint: null }));
  await vi.waitFor(() => expect(events.filter(({ type }) => type === "worker-ready")).toHaveLength(2));
  expect(await post("/drain")).toMatchObject({
    status: 400,
    text: expect.stringContaining("w1; memory (host:1), w2"),
  });
  expect(await post("/drain?worker=b")).toMatchObject({
    status: 404,
    text: "there is no worker b here; there are: memory (host:1), w1; memory (host:1), w2\n",
  });
  expect(await post("/drain?worker=memory")).toMatchObject({
    status: 409,
    text: expect.stringContaining("several"),
  });
  expect(await post("/drain?worker=w1&by=ada&reason=new%20disk")).toEqual({
    status: 200,
    text: "memory (host:1) is told to leave; 1 goes on\n",
  });
  expect(await post("/drain?worker=w1")).toEqual({
    status: 409,
    text: "memory (host:1) is leaving already\n",
  });
  await vi.waitFor(() =>
    expect(worker.heard).toContainEqual({ type: "drain", reason: "drained by ada: new disk" }),
  );
  expect(other.heard.map(({ type }) => type)).not.toContain("drain");
});

test("only the admin's token steers, and only by POST", async () => {
  const { coordinator, post } = await start();
  expect(await post("/stop", "b".repeat(20))).toMatchObject({ status: 401 });
  const answer = await fetch(`${coordinator.url.replace("ws:", "http:")}/stop`, {
    headers: { authorization: `Bearer ${ADMIN}` },
  });
  expect(answer.status).toBe(404);
});
