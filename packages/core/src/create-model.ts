import { conv4 } from "./conv4.ts";
import type { ModelConfig } from "./experiment.ts";
import { mlp } from "./mlp.ts";
import type { Model } from "./model.ts";
import { ShoalError } from "./outer/shoal-error.ts";
import { type EpisodeSpec, outputsOf, type Problem } from "./task-source.ts";

/** Four halvings leave one pixel. */
const POOLED_SIDE_MIN = 16;

/**
 * The model that an experiment names, sized for the episodes.
 *
 * @throws {ShoalError} E_EXPERIMENT if the model cannot take such examples
 */
export function createModel(config: ModelConfig, problem: Problem, spec: EpisodeSpec): Model {
  const example = spec.support.x.shape.slice(1);
  const outputs = outputsOf(problem);
  switch (config.type) {
    case "mlp":
      return mlp({
        inputs: example.reduce((product, side) => product * side, 1),
        hidden: config.hidden,
        outputs,
      });
    case "conv4": {
      const [height, width, channels] = example;
      if (height === undefined || width === undefined || channels === undefined || example.length > 3) {
        throw new ShoalError(
          "E_EXPERIMENT",
          `model: conv4 expects images [height, width, channels], got examples of shape [${example}]; use mlp`,
        );
      }
      if (config.downsampling === "maxpool" && Math.min(height, width) < POOLED_SIDE_MIN) {
        throw new ShoalError(
          "E_EXPERIMENT",
          `model: conv4 with max-pooling expects images of at least ${POOLED_SIDE_MIN}x${POOLED_SIDE_MIN} pixels, ` +
            `got ${height}x${width}; use stride`,
        );
      }
      const { filters, downsampling, batchNorm, head } = config;
      return conv4({
        image: [height, width, channels],
        filters,
        outputs,
        downsampling,
        batchNorm,
        head,
      });
    }
  }
}
