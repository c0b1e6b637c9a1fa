import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseExperiment } from "@shoal/core";
import { openTaskSource } from "@shoal/datasets";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { showDataEvents, taskSourceOptions } from "../data-options.ts";
import { makeCurve, makeReport } from "../report/make-report.ts";
import { loadNamedRun } from "../stored-run.ts";
import { usageError } from "../usage-error.ts";

export const report: Command = {
  name: "report",
  summary:
    "Write one HTML page about a run: accuracy per inner step, curve, what adaptation changes, examples.",
  arguments: "<run>",
  options: ["out", "svg", "data", "cache-dir", "download", "json"],
  overrides: { out: { unset: "report.html in the run directory" } },
  example: "shoal report runs/quickstart --out report.html",
  async run(invocation: Invocation) {
    const { values, positional, terminal, signal } = invocation;
    const path = positional[0]!;
    if (!(await stat(path).catch(() => null))?.isDirectory()) {
      throw usageError(`report: expected a run directory, got ${path}; name one such as runs/NAME`);
    }
    const checkpoint = await loadNamedRun(invocation);
    if (values.svg !== undefined) await write(values.svg, await makeCurve(path, checkpoint), "--svg");
    if (values.svg === undefined || values.out !== undefined) {
      const { dataset, seed, tasksPerLeaf } = parseExperiment(checkpoint.experiment);
      const source = await openTaskSource(dataset, {
        seed,
        tasksPerLeaf,
        ...taskSourceOptions(values),
        onProgress: showDataEvents(terminal),
        signal,
      });
      terminal.clearLive();
      const { html, missing } = await makeReport({ path, checkpoint, source });
      for (const what of missing) terminal.line(`not told by the report: ${what}`);
      terminal.json({ event: "report", missing });
      await write(values.out ?? join(path, "report.html"), html, values.out === undefined ? null : "--out");
    }
    return EXIT.done;

    async function write(file: string, text: string, option: string | null): Promise<void> {
      await writeFile(file, text).catch((error: Error) => {
        const where = option === null ? "report" : option;
        throw usageError(
          `${where}: cannot write ${file}: ${error.message}; name another file with ${option ?? "--out"}`,
        );
      });
      terminal.line(file);
      terminal.json({ event: "written", file });
    }
  },
};
