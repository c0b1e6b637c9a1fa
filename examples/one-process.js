// MAML on sinusoids in one process, without coordinator or workers: what a compute thread and the
// coordinator do, in one loop.

import assert from "node:assert/strict";
import { initialParams, presets, trainProgram } from "@shoal/core";
import { addInto, applyUpdate, createOptimizer } from "@shoal/core/outer";
import { openTaskSource } from "@shoal/datasets";
import { capture, compile } from "@shoal/graph";

const { experiment } = presets.find(({ name }) => name === "sinusoid");
const source = await openTaskSource(experiment.dataset, { seed: experiment.seed });

// The meta-gradient of one task, inner loop and all, becomes one static graph.
const program = trainProgram(experiment, source);
const executable = await compile(capture(program.fn, ...program.specs), { device: "cpu" });
const { entries, size } = program.layout;

let params = initialParams(experiment, source);
const optimizer = createOptimizer(experiment.outer);
let state = optimizer.init(size);

const losses = [];
for (let step = 0; step < 400; step++) {
  const gradient = new Float32Array(size);
  let loss = 0;
  for (let task = 0; task < experiment.metaBatch; task++) {
    const { support, query } = source.episode("train", step * experiment.metaBatch + task);
    const inputs = entries.map(({ offset, size }) => params.subarray(offset, offset + size));
    const outputs = await executable.run([...inputs, support.x, support.y, query.x, query.y]);
    const result = new Map(executable.outputs.map(({ name }, i) => [name, outputs[i]]));
    loss += result.get("stats")[0] / experiment.metaBatch;
    for (const { name, offset, size } of entries) {
      addInto(gradient.subarray(offset, offset + size), result.get(`gradient/${name}`));
    }
  }
  const mean = gradient.map((sum) => sum / experiment.metaBatch);
  const next = optimizer.update(mean, state);
  params = applyUpdate(params, next.update);
  state = next.state;
  losses.push(loss);
  if (step % 100 === 99) console.log(`step ${step + 1}: query loss after one inner step ${loss.toFixed(3)}`);
}
await executable.close();

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
assert(meanOf(losses.slice(-50)) < 0.8 * meanOf(losses.slice(0, 50)));
