import { expect, test } from "vitest";
import type { OptionName, Values } from "./option-table.ts";
import { resumeCommand } from "./resume-command.ts";

const called = (values: Values) => ({ values, given: new Set(Object.keys(values) as OptionName[]) });

test("a run goes on with the data, the workers and the listening that it was called with", () => {
  const values = { steps: 20, host: "0.0.0.0", "token-file": "my tokens", insecure: true, data: "it's/here" };
  expect(resumeCommand(called(values), "coordinator", "runs/a-1")).toBe(
    "npx shoal coordinator --run-dir runs/a-1 --resume --data 'it'\\''s/here' --host 0.0.0.0 --token-file 'my tokens' --insecure",
  );
});

test("defaults are not repeated", () => {
  const command = resumeCommand({ values: { workers: 2 }, given: new Set() }, "train", "runs/a-1");
  expect(command).toBe("npx shoal train --run-dir runs/a-1 --resume");
});
