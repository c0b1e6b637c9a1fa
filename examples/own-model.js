// Your own model: a tf.layers network, meta-trained on sine waves in one process. The result goes back
// into the same network, which then predicts as any other.

import assert from "node:assert/strict";
import { adapt, initialize, layersModel, meanSquaredError } from "@shoal/core";
import { addInto, applyUpdate, createOptimizer, layoutParams } from "@shoal/core/outer";
import { openTaskSource } from "@shoal/datasets";
import { capture, compile, valueAndGrad } from "@shoal/graph";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";

// Names of your own for the layers make names of parameters that are the same in every process.
const { dense } = tfl.layers;
const init = (seed) => ({ kernelInitializer: tfl.initializers.glorotUniform({ seed }) });
const network = tfl.sequential({
  layers: [
    dense({ name: "first", units: 40, activation: "softplus", inputShape: [1], ...init(1) }),
    dense({ name: "second", units: 40, activation: "softplus", ...init(2) }),
    dense({ name: "head", units: 1, ...init(3) }),
  ],
});
const model = layersModel(network);

const dataset = { source: "sinusoid", shots: 10, queries: 10, evaluationQueries: 100 };
const source = await openTaskSource(dataset, { seed: 1 });

/** The query loss after one inner step: what meta-training descends. */
function adaptedLoss(params, { support, query }) {
  const supportLoss = (p) => meanSquaredError(model.apply(p, support.x), support.y);
  const adapted = adapt(supportLoss, params, { steps: 1, rate: 0.01, order: 2 }).at(-1);
  return meanSquaredError(model.apply(adapted, query.x), query.y);
}

const paramSpecs = Object.fromEntries(
  model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" }]),
);
const graph = capture(valueAndGrad(adaptedLoss), paramSpecs, source.spec("train"));
const executable = await compile(graph, { device: "cpu" });

const { entries, size } = layoutParams(model.params);
const optimizer = createOptimizer({ type: "adam", rate: 0.003, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
let params = initialize(model.params, 1);
let state = optimizer.init(size);
const metaBatch = 25;
const losses = [];
for (let step = 0; step < 300; step++) {
  const inputs = entries.map(({ offset, size }) => params.subarray(offset, offset + size));
  const sum = new Float32Array(size);
  let loss = 0;
  for (let task = 0; task < metaBatch; task++) {
    const { support, query } = source.episode("train", step * metaBatch + task);
    const [value, ...gradient] = await executable.run([...inputs, support.x, support.y, query.x, query.y]);
    loss += value[0] / metaBatch;
    entries.forEach(({ offset, size }, i) => {
      addInto(sum.subarray(offset, offset + size), gradient[i]);
    });
  }
  const mean = sum.map((value) => value / metaBatch);
  const next = optimizer.update(mean, state);
  params = applyUpdate(params, next.update);
  state = next.state;
  losses.push(loss);
  if (step % 100 === 99) console.log(`step ${step + 1}: query loss after one inner step ${loss.toFixed(3)}`);
}
await executable.close();

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
assert(meanOf(losses.slice(-50)) < 0.8 * meanOf(losses.slice(0, 50)));

const trained = entries.map(({ offset, size, shape }) =>
  tf.tensor(params.slice(offset, offset + size), [...shape]),
);
network.setWeights(trained);
console.log(
  `the network at x = 1: ${network
    .predict(tf.tensor2d([[1]]))
    .dataSync()[0]
    .toFixed(3)}`,
);
