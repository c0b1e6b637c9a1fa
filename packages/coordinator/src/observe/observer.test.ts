import { connectWebSocket } from "@shoal/protocol";
import { expect, onTestFinished, test } from "vitest";
import type { CoordinatorEvent } from "../coordinator-event.ts";
import { type Coordinator, startCoordinator } from "../start-coordinator.ts";
import { layout, statNames } from "../testing/made-up-work.ts";
import { work } from "../testing/memory-worker.ts";
import { initialParams, plan } from "../testing/simulated-run.ts";
import { statusSchema } from "./status.ts";

interface Started {
  readonly coordinator: Coordinator;
  /** The port's answer to a request. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

async function start(onEvent: (event: CoordinatorEvent) => void = () => {}): Promise<Started> {
  const coordinator = await startCoordinator({
    experiment: { name: "made-up" },
    runId: "run-1",
    incarnation: 3,
    layout,
    dataHash: null,
    start: { step: 0, params: initialParams, optimizer: plan.outer.init(layout.size), evaluations: [] },
    plan,
    statNames,
    runDirectory: null,
    workersMin: 2,
    // A copy of a block may come too late, on a busy machine.
    hedge: false,
    onEvent,
    listen: { host: "127.0.0.1", port: 0 },
    scopes: { worker: { type: "open" }, observer: { type: "open" }, admin: { type: "closed" } },
  });
  onTestFinished(async () => {
    coordinator.stop("the test is over");
    await coordinator.finished;
  });
  const base = coordinator.url.replace("ws:", "http:");
  return { coordinator, ask: (path, init) => fetch(`${base}${path}`, init) };
}

const statusOf = async ({ ask }: Started) => statusSchema.parse(await (await ask("/status")).json());

test("a coordinator without workers is alive and ready, and says whom it waits for and until when", async () => {
  const started = await start();
  expect(await (await started.ask("/healthz")).text()).toBe("alive\n");
  expect((await started.ask("/readyz")).status).toBe(200);
  const status = await statusOf(started);
  expect(status.run).toMatchObject({
    id: "run-1",
    incarnation: 3,
    experiment: "made-up",
    state: "waiting for workers",
  });
  expect(status.progress).toMatchObject({ step: 0, steps: plan.steps, remainingMs: null, loss: null });
  expect(status.waits).toHaveLength(1);
  const [wait] = status.waits;
  expect(wait).toMatchObject({ what: "2 workers", owner: "who starts workers" });
  expect(Date.parse(wait!.until!) - Date.parse(wait!.since)).toBe(120_000);
  expect(wait!.waitedMs + wait!.remainingMs!).toBeCloseTo(120_000, 3);
});

test("workers, results, traffic and the learning curve are counted while the run goes on", async () => {
  const started = await start();
  const { coordinator, ask } = started;
  const first = work(await connectWebSocket(coordinator.url, { token: null }));
  coordinator.pause("to look at it", "the test");
  work(await connectWebSocket(coordinator.url, { token: null }));
  await expect
    .poll(async () => (await statusOf(started)).workers.map(({ state }) => state))
    .toEqual(["ready", "ready"]);
  const paused = await statusOf(started);
  expect(paused.run.state).toBe("paused");
  expect(paused.waits).toEqual([
    expect.objectContaining({ owner: "the test", reason: "paused: to look at it", until: null }),
  ]);
  expect(paused.workers[0]).toMatchObject({
    host: "host",
    pid: 1,
    version: "0.1.0",
    slots: 1,
    device: "cpu",
  });
  expect(paused.traffic.receivedBytes).toBeGreaterThan(100);
  expect(await (await ask("/metrics")).text()).toMatch(/^shoal_workers\{state="ready"\} 2$/m);
  coordinator.resume();
  expect((await coordinator.finished).type).toBe("complete");
  expect(first.heard.at(-1)).toMatchObject({ type: "done" });
});

test("metrics follow the run's events to its last step", async () => {
  // The port closes with the run: it is held after its last step, while the last evaluation is under way.
  let atLastStep: () => void;
  const lastStep = new Promise<void>((resolve) => {
    atLastStep = resolve;
  });
  const { coordinator, ask } = await start((event) => {
    if (event.type !== "step" || event.step !== plan.steps) return;
    coordinator.pause("to be read", "the test");
    atLastStep();
  });
  work(await connectWebSocket(coordinator.url, { token: null }));
  work(await connectWebSocket(coordinator.url, { token: null }));
  await lastStep;
  const text = await (await ask("/metrics")).text();
  expect(text).toMatch(new RegExp(`^shoal_steps_total ${plan.steps}$`, "m"));
  expect(text).toMatch(new RegExp(`^shoal_tasks_total ${plan.steps * plan.metaBatch}$`, "m"));
  expect(text).toMatch(new RegExp(`^shoal_step_seconds_count ${plan.steps}$`, "m"));
  expect(text).toMatch(/^shoal_incarnation 3$/m);
  expect(text).toMatch(/^shoal_results_total\{answer="stale"\} 0$/m);
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
  expect(text).toMatch(/^shoal_event_loop_lag_seconds\{quantile="0.99"\} [\d.e-]+$/m);
});

test("a page of another site reads nothing", async () => {
  const { ask } = await start();
  const foreign = await ask("/status", { headers: { origin: "https://elsewhere.example" } });
  expect(foreign.status).toBe(403);
  expect(await foreign.text()).not.toContain("run-1");
});

test("the live page is served to whoever opens the port in a browser, and says nothing of the run itself", async () => {
  const { ask } = await start();
  const answer = await ask("/");
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const html = await answer.text();
  expect(html).toContain("viewOf");
  expect(html).not.toContain("run-1");
});
