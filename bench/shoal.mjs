// Times Shoal's compiled meta-step on a workload of `peers/workloads.py`; prints one line of JSON, with the
// fields of `peers/measure.py`.
//
//   python3 bench/peers/workloads.py W1 w1.f32 && node bench/shoal.mjs W1 w1.f32 --threads 2 --seconds 20
//
// One meta-step is the gradient averaged over all tasks, without the optimizer. Each thread has its own
// single-threaded executable and computes every `threads`-th leaf; the main thread sums.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { parseExperiment, presets, trainProgram } from "@shoal/core";
import { addInto } from "@shoal/core/outer";
import { capture, compile } from "@shoal/graph";

// `leaf` tasks are computed by one run of a graph: as many as their arrays stay in the cache.
const omniglot = { image: [28, 28, 1], filters: 64, shots: 1, queries: 1, leaf: 4 };
const workloads = {
  W1: { ...omniglot, ways: 5, tasks: 32, steps: 1, stepSize: 0.4, order: 2 },
  "W1-fo": { ...omniglot, ways: 5, tasks: 32, steps: 1, stepSize: 0.4, order: 1 },
  "W1-20way": { ...omniglot, leaf: 2, ways: 20, tasks: 16, steps: 5, stepSize: 0.1, order: 2 },
  W2: {
    leaf: 1,
    image: [84, 84, 3],
    filters: 32,
    ways: 5,
    shots: 5,
    queries: 15,
    tasks: 4,
    steps: 5,
    stepSize: 0.01,
    order: 2,
  },
};
const warmUpSteps = 2;
const measuredStepsMin = 3;

function programOf(workload) {
  const { image, filters, ways, shots, queries, tasks, steps, stepSize, order, leaf } = workload;
  const { experiment } = presets.find(({ name }) => name === "omniglot-5w1s-maxpool");
  const examples = (perClass) => ({
    x: { shape: [ways * perClass, ...image], dtype: "float32" },
    y: { shape: [ways * perClass], dtype: "int32" },
  });
  return trainProgram(
    parseExperiment({
      ...experiment,
      dataset: { ...experiment.dataset, ways },
      model: { ...experiment.model, filters },
      algorithm: { ...experiment.algorithm, order, innerSteps: steps, innerRate: stepSize },
      metaBatch: tasks,
      tasksPerLeaf: leaf,
      evaluation: { ...experiment.evaluation, validationTasks: tasks, testTasks: tasks },
    }),
    {
      problem: { type: "classification", ways },
      spec: () => ({ support: examples(shots), query: examples(queries) }),
    },
  );
}

/** Parameters and episodes from the file: little-endian float32, as `workloads.py` writes them. */
function readStart(path, workload, layout) {
  const floats = new Float32Array(Uint8Array.from(readFileSync(path)).buffer);
  const { image, ways, shots, queries, tasks, leaf } = workload;
  const pixels = image.reduce((product, side) => product * side, 1);
  let offset = layout.size;
  const take = (count) => {
    offset += count;
    return floats.slice(offset - count, offset);
  };
  const labels = (perClass) =>
    Int32Array.from({ length: ways * perClass }, (_, i) => Math.floor(i / perClass));
  const episodes = Array.from({ length: tasks }, () => [
    take(ways * shots * pixels),
    labels(shots),
    take(ways * queries * pixels),
    labels(queries),
  ]);
  const leaves = Array.from({ length: tasks / leaf }, (_, i) => {
    const parts = episodes.slice(i * leaf, (i + 1) * leaf);
    return parts[0].map((array, k) => {
      const joined = new array.constructor(array.length * leaf);
      for (const [j, episode] of parts.entries()) joined.set(episode[k], j * array.length);
      return joined;
    });
  });
  if (offset !== floats.length) throw new Error(`${path}: expected ${offset} floats, got ${floats.length}`);
  return { params: floats.slice(0, layout.size), leaves };
}

async function serve({ name, path, part, parts, device }) {
  const program = programOf(workloads[name]);
  const { entries, size } = program.layout;
  const { params, leaves } = readStart(path, workloads[name], program.layout);
  const executable = await compile(capture(program.fn, ...program.specs), { device });
  const inputs = entries.map((entry) => params.subarray(entry.offset, entry.offset + entry.size));
  const index = new Map(executable.outputs.map((output, i) => [output.name, i]));
  const step = async () => {
    const gradient = new Float32Array(size);
    let loss = 0;
    for (let leaf = part; leaf < leaves.length; leaf += parts) {
      const outputs = await executable.run([...inputs, ...leaves[leaf]]);
      // A row of loss and accuracy per task.
      loss += outputs[index.get("stats")].reduce((sum, value, i) => (i % 2 === 0 ? sum + value : sum), 0);
      for (const entry of entries) {
        const sum = gradient.subarray(entry.offset, entry.offset + entry.size);
        addInto(sum, outputs[index.get(`gradient/${entry.name}`)]);
      }
    }
    parentPort.postMessage({ gradient, loss }, [gradient.buffer]);
  };
  // A step that fails is an unhandled rejection, which ends the thread.
  parentPort.on("message", () => void step());
  parentPort.postMessage("ready");
}

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: "string", default: "1" },
      seconds: { type: "string", default: "20" },
      device: { type: "string", default: "cpu" },
    },
  });
  const [name, path] = positionals;
  if (workloads[name] === undefined || path === undefined) {
    throw new Error(
      `expected one of ${Object.keys(workloads).join(", ")} and a file, got ${positionals.join(" ")}`,
    );
  }
  const threads = Number(values.threads);
  const workers = Array.from(
    { length: threads },
    (_, part) =>
      new Worker(new URL(import.meta.url), {
        workerData: { name, path, part, parts: threads, device: values.device },
      }),
  );
  // `once` rejects at an error of the worker.
  const answers = () => Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0]));
  const started = performance.now();
  await answers();
  const { tasks } = workloads[name];
  async function step() {
    const parts = answers();
    for (const worker of workers) worker.postMessage("step");
    const [first, ...rest] = await parts;
    for (const { gradient } of rest) addInto(first.gradient, gradient);
    const loss = [first, ...rest].reduce((sum, part) => sum + part.loss, 0) / tasks;
    return { loss, gradient: first.gradient.map((sum) => sum / tasks) };
  }
  for (let i = 0; i < warmUpSteps; i++) await step();
  const warmUpSeconds = (performance.now() - started) / 1000;
  const seconds = [];
  let last;
  const cpuBefore = process.cpuUsage();
  const measured = performance.now();
  while (seconds.length < measuredStepsMin || performance.now() - measured < 1000 * Number(values.seconds)) {
    const before = performance.now();
    last = await step();
    seconds.push((performance.now() - before) / 1000);
  }
  const cpu = process.cpuUsage(cpuBefore);
  const sorted = seconds.toSorted((a, b) => a - b);
  const line = {
    implementation: values.device === "cpu" ? "shoal" : `shoal ${values.device}`,
    version: JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version,
    workload: name,
    threads,
    processes: 1,
    seconds_per_step: seconds.map((value) => Number(value.toFixed(5))),
    median: Number(sorted[Math.floor(sorted.length / 2)].toFixed(5)),
    cpu_seconds_mean: Number(((cpu.user + cpu.system) / 1e6 / seconds.length).toFixed(5)),
    warm_up_seconds: Number(warmUpSeconds.toFixed(2)),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    mean_query_loss: last.loss,
    gradient_norm: Math.sqrt(last.gradient.reduce((sum, g) => sum + g * g, 0)),
  };
  console.log(JSON.stringify(line));
  await Promise.all(workers.map((worker) => worker.terminate()));
}

if (isMainThread) await main();
else await serve(workerData);
