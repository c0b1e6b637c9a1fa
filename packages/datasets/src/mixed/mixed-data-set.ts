import { join } from "node:path";
import type { DatasetConfig, DatasetName } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { DataSet, OpenOptions, Places } from "../data-set.ts";
import type { ImageSource } from "../images/image-source.ts";
import { type MixedConfig, nameOf } from "./mixed-config.ts";
import { createMixedSource } from "./mixed-source.ts";

/**
 * Several data sets of images as one: each episode is of one of them.
 *
 * @param dataSetOf what each source of a mixture is opened with
 * @see Triantafillou et al. 2020, https://arxiv.org/abs/1903.03096
 */
export function mixedDataSet(dataSetOf: (name: DatasetName) => DataSet): DataSet<MixedConfig> {
  const placesOf = (part: MixedConfig["sources"][number], places: Places): Places => ({
    ...places,
    dataDir: places.dataDir === null ? null : join(places.dataDir, nameOf(part)),
  });
  /** What `act` gives for every source, one after the other: each says what it does. */
  const each = async <T>(
    config: MixedConfig,
    act: (set: DataSet, own: DatasetConfig, part: MixedConfig["sources"][number]) => Promise<T>,
  ): Promise<T[]> => {
    const results: T[] = [];
    for (const part of config.sources)
      results.push(await act(dataSetOf(part.source), configOf(part, config), part));
    return results;
  };
  return {
    description: "episodes of several data sets of images, with ways and shots drawn from lists (--config)",
    needs: "files",
    licence: "those of its sources",
    variable: null,
    formats: [],
    async open(config, options) {
      checkPlaces(config, options);
      const sources = await each(config, (set, own, part) =>
        set.open(own, { ...options, ...placesOf(part, options) }),
      );
      // Every data set that a mixture may name is of images.
      return createMixedSource(config, sources as ImageSource[], options);
    },
    stores: async () => [],
    prepare: async (config, options) =>
      (
        await each(config, (set, own, part) =>
          set.prepare(own, { ...options, dataDir: placesOf(part, options).dataDir }),
        )
      ).flat(),
    verify: async (config, options) =>
      (
        await each(config, (set, own, part) =>
          set.verify(own, { ...options, dataDir: placesOf(part, options).dataDir }),
        )
      ).flat(),
  };
}

/** A source's own configuration, with what the mixture says for all: the largest episodes. */
function configOf(
  { name: _name, weight: _weight, ...part }: MixedConfig["sources"][number],
  { ways, shots, queries, evaluationQueries, imageSide }: MixedConfig,
): DatasetConfig {
  const episodes = { ways, shots, queries, evaluationQueries };
  return part.source === "glyphs" || part.source === "omniglot"
    ? { ...part, ...episodes }
    : { ...part, ...episodes, imageSide, normalization: "unit" };
}

/** One variable names one folder: two sources of the same kind need `--data`. */
function checkPlaces({ sources }: MixedConfig, { dataDir }: Pick<OpenOptions, "dataDir">): void {
  const again = sources.filter(({ source }) => source === "images");
  if (dataDir !== null || again.length < 2) return;
  throw new ShoalError(
    "E_DATASET_CONFIG",
    `dataset.sources: expected --data DIR with a folder for each of ${again.map(nameOf).join(", ")}, got none; ` +
      "two sources of your own images cannot share one folder",
  );
}
