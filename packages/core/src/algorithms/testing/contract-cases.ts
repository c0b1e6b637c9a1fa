import { grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { lossOf } from "../../losses.ts";
import type { Model, NormStatistics, Params } from "../../model.ts";
import type { Problem } from "../../task-source.ts";
import type { Algorithm, Scheduled, Task, TaskExamples } from "../algorithm.ts";
import type { AlgorithmConfig } from "../registry.ts";
import type { ToyName } from "./toys.ts";

/** What the contract suite needs to know of one configuration of an algorithm. */
export interface ContractCase {
  readonly config: AlgorithmConfig;
  /** More toys, for algorithms that get no better from training. */
  readonly alsoOn?: readonly ToyName[];
  /** Toys that it must get better at, within these many meta-steps of 4 tasks at this rate of Adam or SGD. */
  readonly toys: readonly {
    readonly toy: ToyName;
    readonly steps: number;
    readonly outer: "adam" | "sgd";
    readonly rate: number;
    /** Inner steps in evaluation. */
    readonly testSteps: number;
  }[];
  /**
   * The meta-gradient of one task, under capture, by another way than `objective`; the default is central
   * differences of the objective, for the algorithms whose objective is no surrogate.
   */
  readonly metaGradient?: (made: {
    readonly algorithm: Algorithm;
    readonly model: Model;
    readonly problem: Problem;
    readonly params: Params;
    readonly task: Task;
    readonly scheduled: Scheduled;
  }) => Params;
}

const inner = { innerSteps: 2, innerRate: 0.1, lossReduction: "mean" } as const;
const adamToys: ContractCase["toys"] = [
  { toy: "lines", steps: 150, outer: "adam", rate: 0.01, testSteps: 2 },
  { toy: "clusters", steps: 100, outer: "adam", rate: 0.01, testSteps: 2 },
];

const metricToys: ContractCase["toys"] = [
  { toy: "clusters", steps: 300, outer: "adam", rate: 0.02, testSteps: 0 },
];

/** The gradient of the query loss at the adapted parameters. */
const firstOrder: ContractCase["metaGradient"] = ({ algorithm, model, problem, params, task }) => {
  const adapted = algorithm.adapt(params, task.support, inner.innerSteps).at(-1)!.params;
  return grad((p: Params) => lossOf(problem, model.apply(p, task.query.x), task.query.y))(adapted);
};

/** From where the walk ends to where it began. */
const wayBack: ContractCase["metaGradient"] = ({ algorithm, params, task }) => {
  const { params: last } = algorithm.adapt(params, task.support, 3).at(-1)!;
  return Object.fromEntries(Object.entries(params).map(([name, p]) => [name, tf.sub(p, last[name]!)]));
};

/** As `wayBack`, by Adam with beta1 = 0 in the form of TensorFlow, on minibatches of three examples. */
const wayBackByAdam: ContractCase["metaGradient"] = ({ model, problem, params, task, scheduled }) => {
  const { x, y } = task.support;
  let at = params;
  let v: Params = Object.fromEntries(Object.entries(params).map(([name, p]) => [name, tf.zerosLike(p)]));
  for (const t of [1, 2, 3]) {
    const three = tf.cast(tf.slice(scheduled.minibatches!, [3 * (t - 1)], [3]), "int32") as tf.Tensor1D;
    const g = grad((p: Params) => lossOf(problem, model.apply(p, tf.gather(x, three)), tf.gather(y, three)))(
      at,
    );
    const update = (f: (name: string, p: tf.Tensor) => tf.Tensor): Params =>
      Object.fromEntries(Object.entries(at).map(([name, p]) => [name, f(name, p)]));
    v = update((name) => tf.add(tf.mul(0.999, v[name]!), tf.mul(0.001, tf.square(g[name]!))));
    const rate = 0.02 * Math.sqrt(1 - 0.999 ** t);
    at = update((name, p) => tf.sub(p, tf.mul(rate, tf.div(g[name]!, tf.add(tf.sqrt(v[name]!), 1e-10)))));
  }
  return Object.fromEntries(Object.entries(params).map(([name, p]) => [name, tf.sub(p, at[name]!)]));
};

/** iMAML's system by the series `sum_k (-H / lambda)^k g`, which converges where H is small beside lambda. */
function byNeumannSeries(lambda: number): NonNullable<ContractCase["metaGradient"]> {
  return ({ algorithm, model, problem, params, task }) => {
    const { params: last } = algorithm.adapt(params, task.support, inner.innerSteps).at(-1)!;
    const loss = (p: Params, { x, y }: TaskExamples): tf.Tensor => lossOf(problem, model.apply(p, x), y);
    const slope = grad((p: Params) => loss(p, task.support));
    let term = grad((p: Params) => loss(p, task.query))(last);
    const terms = [term];
    for (let k = 1; k < 40; k++) {
      const before = term;
      const product = grad((p: Params) => {
        const slopes = Object.entries(slope(p));
        return tf.addN(slopes.map(([name, g]) => tf.sum(tf.mul(g, before[name]!))));
      })(last);
      term = Object.fromEntries(Object.entries(product).map(([name, g]) => [name, tf.mul(-1 / lambda, g)]));
      terms.push(term);
    }
    return Object.fromEntries(Object.keys(params).map((name) => [name, tf.addN(terms.map((t) => t[name]!))]));
  };
}

/** MAML's gradient, and a tenth of the way from the running statistics to those of the passes of each step. */
const withRunningStatistics: ContractCase["metaGradient"] = ({ algorithm, model, problem, params, task }) => {
  const { support, query } = task;
  const loss = (p: Params, { x, y }: TaskExamples): tf.Tensor => lossOf(problem, model.apply(p, x), y);
  const of = Object.fromEntries(model.params.map(({ name }) => [name, params[name]!]));
  const step = (p: Params): Params => {
    const g = grad((q: Params) => loss(q, support))(p);
    return Object.fromEntries(Object.entries(p).map(([name, v]) => [name, tf.sub(v, tf.mul(0.1, g[name]!))]));
  };
  const gradient = grad((p: Params) => loss(step(step(p)), query))(of);
  const statistics = (p: Params, { x }: TaskExamples): Record<string, tf.Tensor> => {
    const seen: Record<string, tf.Tensor> = {};
    const keep = (layer: string, batch: NormStatistics): NormStatistics => {
      for (const moment of ["mean", "variance"] as const) seen[`running.${layer}.${moment}`] = batch[moment];
      return batch;
    };
    model.apply(p, x, { statistics: keep });
    return seen;
  };
  const [first, second, last] = [
    statistics(of, support),
    statistics(step(of), support),
    statistics(step(step(of)), query),
  ];
  const running = algorithm.params.flatMap(({ name }): [string, tf.Tensor][] => {
    if (!name.startsWith("running.")) return [];
    const rows = tf.stack([first[name]!, tf.div(tf.add(second[name]!, last[name]!), 2)]);
    return [[name, tf.mul(0.1, tf.sub(params[name]!, rows))]];
  });
  return { ...gradient, ...Object.fromEntries(running) };
};

const plusPlus = {
  type: "maml++",
  ...inner,
  multiStepLossSteps: 0,
  firstOrderSteps: 0,
  learnedRates: false,
  perStepNormWeights: false,
  perStepStatistics: false,
} as const;

const reptile = { type: "reptile", innerSteps: 3, batchSize: null, evaluationBatchSize: null } as const;

/** At least one configuration of every algorithm. */
export const contractCases: {
  readonly [Name in AlgorithmConfig["type"]]: readonly (ContractCase & {
    readonly config: { readonly type: Name };
  })[];
} = {
  maml: [
    { config: { type: "maml", order: 2, ...inner }, toys: adamToys },
    { config: { type: "maml", order: 1, ...inner }, toys: adamToys, metaGradient: firstOrder },
  ],
  fomaml: [{ config: { type: "fomaml", ...inner }, toys: adamToys, metaGradient: firstOrder }],
  reptile: [
    {
      config: { ...reptile, innerRate: 0.05, innerOptimizer: "sgd" },
      toys: [
        { toy: "lines", steps: 150, outer: "sgd", rate: 0.3, testSteps: 3 },
        { toy: "clusters", steps: 100, outer: "sgd", rate: 0.3, testSteps: 3 },
      ],
      metaGradient: wayBack,
    },
    {
      config: { ...reptile, innerRate: 0.02, innerOptimizer: "adam", batchSize: 3 },
      toys: [{ toy: "lines", steps: 150, outer: "sgd", rate: 0.3, testSteps: 3 }],
      metaGradient: wayBackByAdam,
    },
  ],
  anil: [{ config: { type: "anil", ...inner }, toys: adamToys }],
  boil: [{ config: { type: "boil", ...inner }, toys: adamToys }],
  "meta-sgd": [{ config: { type: "meta-sgd", ...inner }, toys: adamToys }],
  "maml++": [
    {
      config: { ...plusPlus, multiStepLossSteps: 10, learnedRates: true, perStepNormWeights: true },
      toys: adamToys,
    },
    { config: { ...plusPlus, firstOrderSteps: 10 }, toys: adamToys, metaGradient: firstOrder },
    { config: { ...plusPlus, perStepStatistics: true }, toys: adamToys, metaGradient: withRunningStatistics },
  ],
  cavia: [
    {
      config: { type: "cavia", ...inner, innerRate: 0.3, size: 4, layer: null },
      toys: [
        { toy: "lines", steps: 150, outer: "adam", rate: 0.01, testSteps: 2 },
        { toy: "clusters", steps: 300, outer: "adam", rate: 0.02, testSteps: 2 },
      ],
    },
    {
      config: { type: "cavia", ...inner, size: 3, layer: 2 },
      toys: [{ toy: "clusters", steps: 300, outer: "adam", rate: 0.02, testSteps: 2 }],
    },
  ],
  imaml: [
    {
      config: { type: "imaml", ...inner, lambda: 40, innerRate: 0.01, cgSteps: 16 },
      toys: [
        { toy: "lines", steps: 150, outer: "adam", rate: 0.01, testSteps: 2 },
        { toy: "clusters", steps: 100, outer: "adam", rate: 0.01, testSteps: 2 },
      ],
      metaGradient: byNeumannSeries(40),
    },
  ],
  protonet: [{ config: { type: "protonet" }, toys: metricToys }],
  matchingnet: [{ config: { type: "matchingnet" }, toys: metricToys }],
  joint: [
    {
      config: { type: "joint", innerRate: 0.3, trunk: "frozen" },
      toys: [{ toy: "alphabets", steps: 300, outer: "adam", rate: 0.02, testSteps: 5 }],
    },
    {
      config: { type: "joint", innerRate: 0.05, trunk: "frozen" },
      toys: [{ toy: "lines", steps: 150, outer: "adam", rate: 0.01, testSteps: 5 }],
    },
    {
      config: { type: "joint", innerRate: 0.1, trunk: "adapted" },
      toys: [{ toy: "alphabets", steps: 300, outer: "adam", rate: 0.02, testSteps: 5 }],
    },
  ],
  scratch: [{ config: { type: "scratch", innerRate: 0.1 }, toys: [], alsoOn: ["lines", "clusters"] }],
};
