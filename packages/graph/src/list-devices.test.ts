import { expect, test } from "vitest";
import { listDevices } from "./list-devices.ts";

test("lists every device: cpu is usable, and one that is not says what is missing", async () => {
  const states = await listDevices();
  expect(states.map(({ device }) => device)).toEqual(["cpu", "cuda", "webgpu", "tensorflow"]);
  expect(states[0]).toEqual({ device: "cpu", state: "usable" });
  for (const state of states) {
    if (state.state === "usable") continue;
    expect(state.reason.startsWith(state.device)).toBe(true);
    if (state.command !== null) expect(state.reason).toContain(`; run: ${state.command}`);
  }
});
