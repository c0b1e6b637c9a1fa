import { createHash } from "node:crypto";
import type { EpisodeSpec, Examples, ExamplesSpec, Split, TaskSource } from "@shoal/core";
import type { ImageSource } from "../images/image-source.ts";
import { drawShape, drawSource, type MixtureRecipe } from "./draw-mixture.ts";
import { fitImages } from "./fit-images.ts";
import { type MixedConfig, nameOf, shapesOf } from "./mixed-config.ts";

/** Changing how sources, shapes or pixels are made changes it; it is part of the data's hash. */
const recipeVersion = "mixed/1";

/**
 * A task source whose episode `index` is the episode `index` of one of `sources`, in one of the mixture's shapes.
 *
 * @param sources opened with the largest ways and shots, in the order of the configuration
 */
export function createMixedSource(
  config: MixedConfig,
  sources: readonly ImageSource[],
  { seed, tasksPerLeaf }: Pick<MixtureRecipe, "seed" | "tasksPerLeaf">,
): TaskSource {
  const { ways, imageSide: side, channels, normalization } = config;
  const shapes = shapesOf(config);
  const weights = config.sources.map(({ weight = 1 }) => weight);
  const names = config.sources.map(nameOf);
  const recipe: MixtureRecipe = { seed, weights, shapeCount: shapes.length, tasksPerLeaf };
  const ofSources = sources.map((source) => ({
    ofShape: shapes.map((shape) => source.withShape(shape)),
    fit: fitImages(imageShape(source), { side, channels, normalization }),
  }));
  const specs = (split: Split): EpisodeSpec[] =>
    shapes.map((shape, place) => {
      const { support, query } = ofSources[0]!.ofShape[place]!.spec(split);
      const fitted = ({ x, y }: ExamplesSpec): ExamplesSpec => ({
        x: { ...x, shape: [x.shape[0]!, side, side, channels] },
        y,
      });
      const own = shape.ways === ways ? {} : { ways: shape.ways };
      return { support: fitted(support), query: fitted(query), ...own };
    });
  const bySplit = { train: specs("train"), validation: specs("validation"), test: specs("test") };
  return {
    name: "mixed",
    problem: { type: "classification", ways },
    dataHash: hashData(config, sources, tasksPerLeaf),
    description:
      `mixed, ${side}x${side} ${channels === 1 ? "grey" : "colour"}: ` +
      names.map((name, i) => `${name} (weight ${weights[i]!}): ${sources[i]!.description}`).join("; "),
    spec: (split) => bySplit[split][0]!,
    ...(shapes.length === 1
      ? {}
      : {
          variants: {
            specs: (split) => bySplit[split],
            of: (split, index) => drawShape(recipe, split, index),
          },
        }),
    partOf: (split, index) => names[drawSource(recipe, split, index)]!,
    episode(split, index) {
      const { ofShape, fit } = ofSources[drawSource(recipe, split, index)]!;
      const { support, query } = ofShape[drawShape(recipe, split, index)]!.episode(split, index);
      const fitted = ({ x, y }: Examples): Examples => ({ x: fit(x), y });
      return { support: fitted(support), query: fitted(query) };
    },
  };
}

/** `[height, width, channels]`. */
function imageShape(source: TaskSource): readonly [number, number, number] {
  const [, height, width, channels] = source.spec("train").support.x.shape;
  return [height!, width!, channels!];
}

/** Everything an episode depends on besides seed and index: the sources, and what the mixture makes of them. */
function hashData(
  { ways, fewerWays, shots, fewerShots, imageSide, channels, normalization, sources: parts }: MixedConfig,
  sources: readonly TaskSource[],
  tasksPerLeaf: number,
): string {
  return createHash("sha256")
    .update(
      JSON.stringify({
        recipeVersion,
        sources: sources.map(({ dataHash }, i) => [dataHash, parts[i]!.weight ?? 1]),
        ways,
        fewerWays,
        shots,
        fewerShots,
        imageSide,
        channels,
        normalization,
        tasksPerLeaf,
      }),
    )
    .digest("hex");
}
