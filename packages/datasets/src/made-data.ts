import type { DatasetConfig, Identities, Split, TaskSource } from "@shoal/core";
import type { DataSet } from "./data-set.ts";

/** A data set whose episodes are made as they are asked for: there is nothing to bring, pack or check. */
export function madeData<C extends DatasetConfig>(
  description: string,
  open: (config: C, seed: number) => TaskSource,
): DataSet<C> {
  return {
    description,
    needs: "nothing",
    licence: "MIT",
    variable: null,
    formats: [],
    open: async (config, { seed }) => open(config, seed),
    stores: async () => [],
    prepare: async () => [],
    verify: async () => [],
  };
}

/** Tasks with one output each, of which none has anything to do with another's. */
export function eachOnItsOwn(tasks: number): Identities {
  return { familySizes: new Array<number>(tasks).fill(1) };
}

/** How many examples an episode has, of each class where there are classes. */
interface EpisodeSizes {
  readonly shots: number;
  readonly trainShots?: number | undefined;
  readonly queries: number;
  readonly evaluationQueries: number;
}

export function shotsOf({ shots, trainShots = shots }: EpisodeSizes, split: Split): number {
  return split === "train" ? trainShots : shots;
}

export function queriesOf({ queries, evaluationQueries }: EpisodeSizes, split: Split): number {
  return split === "train" ? queries : evaluationQueries;
}
