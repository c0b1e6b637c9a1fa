import { describe, expect, test } from "vitest";
import { parseDevice, threadsMax } from "./device.ts";

describe("parseDevice", () => {
  test.each([
    ["cpu", { type: "cpu" }],
    ["webgpu", { type: "webgpu" }],
    ["tensorflow", { type: "tensorflow" }],
    ["reference", { type: "reference" }],
    ["cuda", { type: "cuda", index: 0 }],
    ["cuda:0", { type: "cuda", index: 0 }],
    ["cuda:12", { type: "cuda", index: 12 }],
    ["tfjs:wasm", { type: "tfjs", backend: "wasm" }],
  ])("reads %s", (name, device) => {
    expect(parseDevice(name)).toEqual(device);
  });

  test.each([
    "",
    "gpu",
    "CPU",
    "cpu:1",
    "webgpu:0",
    "cuda:",
    "cuda:-1",
    "cuda:01",
    "cuda:1.5",
    "tfjs",
    "tfjs:",
  ])("refuses %j and names the devices there are", (name) => {
    expect(() => parseDevice(name)).toThrow(
      `device: expected cpu, cuda, cuda:<index>, webgpu, tensorflow, tfjs:<backend> or reference, got "${name}"`,
    );
  });
});

test("webgpu computes on one thread of a process at a time", () => {
  expect(threadsMax(parseDevice("webgpu"))).toBe(1);
  expect(threadsMax(parseDevice("cpu"))).toBe(Number.POSITIVE_INFINITY);
});
