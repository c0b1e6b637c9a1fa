import { expect, test } from "vitest";
import { createMemoryTransport } from "./memory-transport.ts";

test("delivers in order, also what was sent before anybody listened, and copies the body", async () => {
  const [coordinator, worker] = createMemoryTransport();
  const body = new Float32Array([1, 2, 3]);
  coordinator.send({ type: "params", version: 1 }, body);
  body.fill(0);
  coordinator.send({ type: "done", outcome: "complete", message: "" });
  const heard = await new Promise<unknown[]>((resolve) => {
    const all: unknown[] = [];
    worker.onMessage((message, floats) => {
      all.push([message.type, floats]);
      if (message.type === "done") resolve(all);
    });
  });
  expect(heard).toEqual([
    ["params", new Float32Array([1, 2, 3])],
    ["done", null],
  ]);
  expect(coordinator.bufferedBytes).toBe(0);
});

test("a close reaches both ends once, after what was sent before it", async () => {
  const [coordinator, worker] = createMemoryTransport();
  const heard: string[] = [];
  coordinator.onMessage((message) => heard.push(message.type));
  const ends = Promise.all(
    [coordinator, worker].map((end) => new Promise((resolve) => end.onClose(resolve))),
  );
  worker.send({ type: "leaving", reason: "bye" });
  worker.close(1000, "bye");
  worker.close(1000, "again");
  worker.send({ type: "leaving", reason: "too late" });
  expect(await ends).toEqual([
    { code: 1000, reason: "bye" },
    { code: 1000, reason: "bye" },
  ]);
  expect(heard).toEqual(["leaving"]);
});

test("garbage closes it as it would close a WebSocket", async () => {
  const [coordinator, worker] = createMemoryTransport();
  coordinator.onMessage(() => expect.unreachable());
  const closed = new Promise((resolve) => coordinator.onClose(resolve));
  worker.sendFrames([Buffer.from("no frame at all, but long enough")]);
  expect(await closed).toMatchObject({ code: 1002 });
});
