import { conv4 } from "./conv4.ts";
import type { ModelConfig } from "./experiment.ts";
import { mlp } from "./mlp.ts";
import type { Model } from "./model.ts";
import { ShoalError } from "./outer/shoal-error.ts";
import { resnet12 } from "./resnet12.ts";
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
      const image = imageOf("conv4", example);
      if (config.downsampling === "maxpool") checkPooledSide("conv4 with max-pooling", image, "use stride");
      const { filters, downsampling, batchNorm, head } = config;
      return conv4({ image, filters, outputs, downsampling, batchNorm, head });
    }
    case "resnet12": {
      const image = imageOf("resnet12", example);
      checkPooledSide("resnet12", image, "use conv4 with stride");
      return resnet12({ image, widths: config.widths, outputs });
    }
  }
}

function imageOf(model: string, example: readonly number[]): readonly [number, number, number] {
  const [height, width, channels] = example;
  if (height !== undefined && width !== undefined && channels !== undefined && example.length === 3) {
    return [height, width, channels];
  }
  throw new ShoalError(
    "E_EXPERIMENT",
    `model: ${model} expects images [height, width, channels], got examples of shape [${example}]; use mlp`,
  );
}

function checkPooledSide(
  model: string,
  [height, width]: readonly [number, number, number],
  advice: string,
): void {
  if (Math.min(height, width) >= POOLED_SIDE_MIN) return;
  throw new ShoalError(
    "E_EXPERIMENT",
    `model: ${model} expects images of at least ${POOLED_SIDE_MIN}x${POOLED_SIDE_MIN} pixels, ` +
      `got ${height}x${width}; ${advice}`,
  );
}
