import type { DatasetConfig, TaskSource } from "@shoal/core";
import { checkImageEpisodes, createImageSource } from "../images/image-source.ts";
import { splitClasses } from "../split-classes.ts";
import { type LoadOmniglotOptions, loadOmniglot } from "./load-omniglot.ts";
import { omniglotCharacters, omniglotExamples } from "./parts.ts";

export type OmniglotConfig = Extract<DatasetConfig, { source: "omniglot" }>;

/**
 * Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawers each, at 28 x 28.
 *
 * @throws {ShoalError} E_DATASET_CONFIG before any file is opened, else what `loadOmniglot` throws
 * @see Lake et al. 2015, https://github.com/brendenlake/omniglot
 */
export async function openOmniglot(
  config: OmniglotConfig,
  options: LoadOmniglotOptions & { readonly seed: number },
): Promise<TaskSource> {
  const sizes = {
    train: config.trainClasses,
    validation: config.validationClasses,
    test: config.testClasses,
  };
  checkImageEpisodes("omniglot", config, sizes, omniglotExamples);
  const split = splitClasses("omniglot", omniglotCharacters, sizes, config.splitSeed);
  const [store] = await loadOmniglot([config.pixels], options);
  return createImageSource({
    name: "omniglot",
    description: describeOmniglot(config),
    episodes: config,
    store: store!,
    split,
    seed: options.seed,
  });
}

function describeOmniglot(config: OmniglotConfig): string {
  const pixels = config.pixels === "binary" ? "binary, nearest neighbour" : "grey, area-averaged";
  return (
    `omniglot, 28x28 ${pixels}, split ${config.trainClasses}/${config.validationClasses}/${config.testClasses} ` +
    `(split seed ${config.splitSeed})${config.rotations ? ", quarter turns" : ""}`
  );
}
