import type { DatasetName } from "@shoal/core";
import type { DataSet, StoreStatus } from "./data-set.ts";
import { dataSetOf, datasetNames } from "./data-sets.ts";

/** What `shoal data list` shows of one data set. */
export interface DatasetInfo
  extends Pick<DataSet, "description" | "needs" | "licence" | "variable" | "formats"> {
  readonly name: DatasetName;
  readonly stores: readonly StoreStatus[];
}

/** Every data set there is, with the state of its packed stores. */
export function listDataSets(cacheDir: string): Promise<DatasetInfo[]> {
  return Promise.all(
    datasetNames.map(async (name) => {
      const { description, needs, licence, variable, formats, stores } = dataSetOf(name);
      return { name, description, needs, licence, variable, formats, stores: await stores(cacheDir) };
    }),
  );
}
