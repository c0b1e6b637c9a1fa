import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { shoal, temporaryDirectory } from "./shoal-process.ts";

const home = temporaryDirectory();

// ONNX Runtime keeps what it would send to its makers below ~/.cache/Microsoft.
test("nothing is kept about a person's use: not in a command's own sessions, nor in its compute threads'", async () => {
  const env = {
    HOME: home,
    XDG_CACHE_HOME: "",
    SHOAL_CACHE_DIR: `${home}/kept`,
    ORT_DISABLE_TELEMETRY: undefined,
  };
  const { exit, stdout } = await shoal(
    ["bench", "--preset", "sinusoid", "--seconds", "0.1", "--threads", "1"],
    env,
  );
  expect([exit, stdout]).toEqual([0, expect.stringContaining("tasks/s") as string]);
  expect(readdirSync(home)).toEqual(["kept"]);
});
