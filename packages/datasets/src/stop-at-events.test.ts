import { expect, test } from "vitest";
import type { DatasetEvent } from "./dataset-event.ts";
import { openTaskSource } from "./open-task-source.ts";
import { stopAtEvents } from "./stop-at-events.ts";

const progress = (stage: "read" | "draw" | "pack"): DatasetEvent => ({
  type: "progress",
  stage,
  what: "omniglot",
  done: 500,
  total: 32_460,
  unit: "images",
});

test("reading ends at the first event after the signal, and the event is told", () => {
  const controller = new AbortController();
  const told: DatasetEvent[] = [];
  const onEvent = stopAtEvents((event) => told.push(event), controller.signal);
  onEvent(progress("read"));
  controller.abort();
  expect(() => onEvent(progress("read"))).toThrow("omniglot: stopped after 500 of 32460 images");
  expect(told).toHaveLength(2);
});

test("packing looks at the signal itself, and without one nothing ends", () => {
  expect(() => stopAtEvents(() => {}, AbortSignal.abort())(progress("pack"))).not.toThrow();
  expect(() => stopAtEvents(() => {}, undefined)(progress("read"))).not.toThrow();
});

test("glyphs that are being drawn are not drawn to the end", async () => {
  const dataset = {
    source: "glyphs",
    ways: 5,
    shots: 1,
    queries: 1,
    evaluationQueries: 1,
    rotations: false,
  } as const;
  await expect(openTaskSource(dataset, { seed: 1, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "E_INTERRUPTED",
  });
});
