import { existsSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { listDataSets } from "@shoal/datasets";
import { listDevices } from "@shoal/graph";
import { graphCacheSize } from "@shoal/graph/run";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { taskSourceOptions } from "../data-options.ts";
import { bytes, count } from "../format.ts";
import { graphCacheDirectory } from "../graph-cache.ts";
import { version } from "../version.ts";

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly state: "ok" | "missing" | "wrong";
  readonly detail: string;
  /** The command or step that brings what is missing. */
  readonly remedy?: string;
}

export const doctor: Command = {
  name: "doctor",
  summary: "Say what this machine has, what is missing, and how to get it.",
  arguments: "",
  options: ["data", "cache-dir", "json"],
  example: "shoal doctor",
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  const findings = [
    node(),
    processor(),
    memory(),
    ...(await devices()),
    await compileCache(invocation),
    ...(await dataSets(invocation)),
  ];
  terminal.line(`shoal ${version}`);
  for (const finding of findings) {
    terminal.line(`${finding.state.padEnd(8)} ${finding.name}: ${finding.detail}`);
    if (finding.remedy !== undefined) terminal.line(`${" ".repeat(9)}${finding.remedy}`);
    terminal.json({ event: "finding", ...finding });
  }
  return findings.some(({ state }) => state === "wrong") ? EXIT.failed : EXIT.done;
}

function node(): Finding {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const fits = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.version} on ${process.platform}-${process.arch}`;
  if (fits) return { name: "Node.js", state: "ok", detail };
  return { name: "Node.js", state: "wrong", detail, remedy: "install Node.js 20.19 or newer (20, 22 or 24)" };
}

function processor(): Finding {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return { name: "processor", state: "ok", detail: `${model}, ${availableParallelism()} threads available` };
}

function memory(): Finding {
  return { name: "memory", state: "ok", detail: `${bytes(totalmem())}, ${bytes(freemem())} free` };
}

/** Every device, opened and tried. */
async function devices(): Promise<Finding[]> {
  const states = await listDevices();
  return states.map((found): Finding => {
    const name = `device ${found.device}`;
    if (found.state === "usable") return { name, state: "ok", detail: "computes" };
    const { reason, command } = found;
    // The message of a device begins with its name and ends with the command.
    const detail = reason.replace(`${found.device}: `, "").replace(`; run: ${command}`, "");
    const state = found.device === "cpu" ? "wrong" : "missing";
    return { name, state, detail, ...(command === null ? {} : { remedy: command }) };
  });
}

/** Compiled graphs on disk. */
async function compileCache({ values }: Invocation): Promise<Finding> {
  const directory = graphCacheDirectory(values);
  const { graphs, bytes: size } = await graphCacheSize(directory);
  const detail =
    graphs === 0
      ? `${directory} is empty`
      : `${count(graphs)} graph${graphs === 1 ? "" : "s"}, ${bytes(size)} in ${directory}`;
  return { name: "compile cache", state: "ok", detail };
}

async function dataSets({ values }: Invocation): Promise<Finding[]> {
  const infos = await listDataSets(taskSourceOptions(values).cacheDir);
  return infos.map(({ name, needs, stores, variable }): Finding => {
    const packed = stores.filter(({ state }) => state.type === "ready").map((store) => store.name);
    if (packed.length > 0)
      return { name: `data ${name}`, state: "ok", detail: `packed: ${packed.join(", ")}` };
    if (needs === "nothing")
      return { name: `data ${name}`, state: "ok", detail: "made when it is asked for" };
    const files = values.data ?? process.env[variable ?? ""] ?? "";
    if (files !== "" && existsSync(files))
      return { name: `data ${name}`, state: "ok", detail: `files expected in ${files}` };
    const download = name === "omniglot" ? ", or --download" : "";
    const remedy = `npx shoal data prepare ${name} --data DIR${download}`;
    return {
      name: `data ${name}`,
      state: "missing",
      detail: files === "" ? "neither files nor a packed store are known" : `there is no directory ${files}`,
      remedy,
    };
  });
}
