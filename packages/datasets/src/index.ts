export {
  type DatasetInfo,
  type DatasetName,
  datasetNames,
  listDataSets,
  type StoreStatus,
} from "./catalogue.ts";
export { drawContactSheet } from "./contact-sheet.ts";
export type { DatasetEvent, OnDatasetEvent } from "./dataset-event.ts";
export { defaultCacheDir } from "./default-cache-dir.ts";
export { type DownloadDataSetOptions, downloadDataSet } from "./download-data-set.ts";
export { omniglotDirVariable } from "./omniglot/parts.ts";
export { type OpenTaskSourceOptions, openTaskSource } from "./open-task-source.ts";
export { type PreparedStore, type PrepareOptions, prepareDataSet } from "./prepare-data-set.ts";
export { assertNoFaults, type DataSetCheck, type VerifyOptions, verifyDataSet } from "./verify-data-set.ts";
