import { verifyRun } from "@shoal/coordinator";
import { type Command, EXIT } from "../command.ts";
import { count } from "../format.ts";
import { outerOf } from "../stored-run.ts";

export const verify: Command = {
  name: "verify",
  summary: "Prove a run directory consistent: checkpoints, log, ledger, metrics; or say what is not.",
  arguments: "<run>",
  options: ["json"],
  example: "shoal verify runs/quickstart",
  async run({ positional, terminal }) {
    const path = positional[0]!;
    const { checks, ...verified } = await verifyRun(path, { outerOf });
    const { runId, starts, step, paramsHash, writer, isConsistent } = verified;
    terminal.line(`run ${runId} in ${path}: ${count(step)} steps, ${starts} start${starts === 1 ? "" : "s"}`);
    if (writer !== null)
      terminal.line(`  in progress: ${writer} writes to it; this is what was committed a moment ago`);
    for (const { name, outcome, detail } of checks) {
      terminal.line(`  ${outcome.padEnd(6)}${name.padEnd(13)}${detail}`);
      terminal.json({ event: "check", name, outcome, detail });
    }
    const faults = checks.filter(({ outcome }) => outcome === "fault").length;
    terminal.line(
      isConsistent
        ? `consistent up to step ${count(step)}${paramsHash === null ? "" : `, parameters ${paramsHash}`}`
        : `not consistent: ${faults} fault${faults === 1 ? "" : "s"}; what --resume can use of it, it uses, and says so`,
    );
    terminal.json({ event: "verified", ...verified });
    return isConsistent ? EXIT.done : EXIT.failed;
  },
};
