/** Options of a run of `steps` steps that two cores finish in seconds, for every command that trains. */
export function smallRun(steps: number): string[] {
  return [
    ["--preset", "quickstart"],
    ["--filters", "8"],
    ["--meta-batch", "12"],
    ["--steps", String(steps)],
    ["--evaluate-every", "10"],
    ["--test-tasks", "24"],
    ["--checkpoint-every", "10"],
    ["--json"],
  ].flat();
}
