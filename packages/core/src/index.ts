export { type AdaptOptions, adapt } from "./adapt.ts";
export {
  type AdaptedPredictions,
  type AdaptProgram,
  type AdaptProgramOptions,
  inspectProgram,
  predictProgram,
  taskShapes,
} from "./adapt-program.ts";
export { type AblationRow, ablation } from "./algorithms/ablation.ts";
export type {
  Adapted,
  Algorithm,
  AlgorithmContext,
  Objective,
  Schedule,
  Scheduled,
  Task,
  TaskExamples,
} from "./algorithms/algorithm.ts";
export { type AlgorithmConfig, algorithmOf, algorithms, switchAlgorithm } from "./algorithms/registry.ts";
export { type Conv4Options, conv4 } from "./conv4.ts";
export { createAlgorithm } from "./create-algorithm.ts";
export { createModel } from "./create-model.ts";
export {
  type DatasetConfig,
  type DatasetName,
  datasetDefaults,
  datasetFields,
  datasetNames,
} from "./datasets/dataset-config.ts";
export {
  type Experiment,
  experimentSchema,
  type ModelConfig,
  parseExperiment,
} from "./experiment.ts";
export { type Initializer, initialize } from "./initialize.ts";
export { layersModel } from "./layers-model.ts";
export {
  evaluateProgram,
  INDUCTIVE_PREFIX,
  initialParams,
  type LeafEpisodes,
  type LeafExamples,
  type LeafExperiment,
  type LeafProgram,
  type LeafResult,
  leafExperiment,
  modelLayout,
  type TaskShapes,
  trainProgram,
} from "./leaf-program.ts";
export {
  accuracy,
  accuracyOf,
  binaryAccuracy,
  binaryCrossEntropy,
  crossEntropy,
  type LossReduction,
  lossOf,
  lossScale,
  meanSquaredError,
} from "./losses.ts";
export { type MlpOptions, mlp } from "./mlp.ts";
export type { ApplyOptions, Model, NormStatistics, ParamSpec, Params } from "./model.ts";
export { type Preset, presets } from "./presets.ts";
export { type Resnet12Options, resnet12 } from "./resnet12.ts";
export {
  type ArraySpec,
  type Episode,
  type EpisodeSpec,
  type Examples,
  type ExamplesSpec,
  hasAccuracy,
  type Identities,
  outputsOf,
  type Problem,
  type Split,
  type TaskSource,
  type Variants,
} from "./task-source.ts";
