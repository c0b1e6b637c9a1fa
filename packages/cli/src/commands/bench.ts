import { availableParallelism } from "node:os";
import { type Experiment, initialParams } from "@shoal/core";
import { openTaskSource } from "@shoal/datasets";
import { Program } from "@shoal/worker";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { showDataEvents, taskSourceOptions } from "../data-options.ts";
import { readDevices } from "../devices.ts";
import { bytes, duration } from "../format.ts";
import { describeGraphCacheEvent, graphCacheOf } from "../graph-cache.ts";
import { resolveExperiment } from "../resolve-experiment.ts";
import { taskSourceModule } from "./worker.ts";

export const bench: Command = {
  name: "bench",
  summary:
    "Tasks per second of this machine on a preset: episodes, inner loop and meta-gradient, no network.",
  arguments: "",
  options: [
    "preset",
    "config",
    "dataset",
    "ways",
    "shots",
    "queries",
    "algorithm",
    "inner-steps",
    "filters",
    "tasks-per-leaf",
    "threads",
    "device",
    "seconds",
    "data",
    "cache-dir",
    "no-compile-cache",
    "download",
    "json",
  ],
  example: "shoal bench --preset quickstart --threads 1",
  run,
};

/** Leaves per block: enough that handing a block over costs nothing. */
const LEAVES = 4;

async function run({ values, given, terminal, signal }: Invocation): Promise<number> {
  const { experiment } = resolveExperiment(values, given);
  const options = taskSourceOptions(values);
  const devices = await readDevices(values.device!, values.threads ?? availableParallelism());
  const source = await openTaskSource(experiment.dataset, {
    seed: experiment.seed,
    tasksPerLeaf: experiment.tasksPerLeaf,
    ...options,
    onProgress: showDataEvents(terminal),
    signal,
  });
  terminal.clearLive();
  const params = initialParams(experiment, source);
  const shared = new SharedArrayBuffer(params.byteLength);
  new Float32Array(shared).set(params);
  const graphCache = graphCacheOf(values);
  const program = await Program.open({
    devices,
    taskSourceModule,
    taskSourceOptions: options,
    experiment,
    graphCache:
      graphCache === null
        ? null
        : { ...graphCache, onEvent: (event) => terminal.line(describeGraphCacheEvent(event)) },
  });
  const { slots: threads, device } = program;
  try {
    terminal.line(`${experiment.name}: ${source.description}`);
    terminal.line(
      `data opened in ${duration(program.openMs)}, graphs compiled in ${duration(program.compileMs)}; arrays of about ${bytes(program.memoryBytes)}`,
    );
    // One block per thread to warm up, not counted.
    await measure(program, experiment, shared, threads, 0, signal);
    if (signal.aborted) return EXIT.interrupted;
    const measured = await measure(program, experiment, shared, threads, 1000 * values.seconds!, signal);
    const tasksPerSecond = measured.tasks / (measured.ms / 1000);
    const msPerTask = measured.computeMs / measured.tasks;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    terminal.line(
      `${tasksPerSecond.toFixed(1)} tasks/s with ${threads} thread${threads === 1 ? "" : "s"} on ${device}; ` +
        `${msPerTask.toFixed(2)} ms per task on one; ` +
        `a meta-step of ${experiment.metaBatch} tasks takes ${duration((1000 * experiment.metaBatch) / tasksPerSecond)}; ` +
        `peak memory ${bytes(peakRssBytes)}`,
    );
    terminal.json({
      event: "bench",
      preset: experiment.name,
      device,
      threads,
      tasksPerSecond,
      msPerTask,
      peakRssMb: peakRssBytes / 1024 ** 2,
      compileMs: program.compileMs,
      tasks: measured.tasks,
    });
    if (!signal.aborted) return EXIT.done;
    terminal.line(`measured for ${duration(measured.ms)} only`);
    return EXIT.interrupted;
  } finally {
    await program.close();
  }
}

/** Keeps every thread busy for `ms` (at least one block each) and counts what was done. */
async function measure(
  program: Program,
  { tasksPerLeaf }: Experiment,
  params: SharedArrayBuffer,
  threads: number,
  ms: number,
  signal: AbortSignal,
): Promise<{ readonly tasks: number; readonly ms: number; readonly computeMs: number }> {
  const taskCount = LEAVES * tasksPerLeaf;
  const started = performance.now();
  let [tasks, computeMs, nextEpisode] = [0, 0, 0];
  const work = async (): Promise<void> => {
    do {
      const request = { split: "train" as const, firstEpisode: nextEpisode, taskCount };
      nextEpisode += taskCount;
      const episodes = await program.buildEpisodes(request);
      const result = await program.compute({
        kind: "train",
        split: "train",
        version: 0,
        params,
        episodes,
        leafCount: LEAVES,
      });
      tasks += result.taskCount;
      computeMs += result.computeMs;
    } while (performance.now() - started < ms && !signal.aborted);
  };
  // Two loops per thread, so that the next block's episodes are built while this one computes.
  await Promise.all(Array.from({ length: 2 * threads }, work));
  return { tasks, ms: performance.now() - started, computeMs };
}
