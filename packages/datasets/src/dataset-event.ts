/** What happens while a data set is read, drawn, downloaded or cached. Nothing here is printed. */
export type DatasetEvent =
  /** How far a long stage is. `total` is null where a server does not say how long its answer is. */
  | {
      readonly type: "progress";
      readonly stage: "download" | "read" | "draw" | "pack" | "hash";
      readonly what: string;
      readonly done: number;
      readonly total: number | null;
      readonly unit: "bytes" | "images";
    }
  /** What the files turned out to be. */
  | {
      readonly type: "detected";
      readonly dataset: string;
      readonly format: string;
      readonly path: string;
      readonly classes: number;
      readonly images: number;
    }
  /** The files can be used, but are not what was published: results do not compare. */
  | { readonly type: "deviation"; readonly dataset: string; readonly detail: string }
  /** An unfinished packing is taken up again. */
  | { readonly type: "pack-resumed"; readonly path: string; readonly done: number; readonly total: number }
  /** Another process packs the same data; this one waits for it. */
  | { readonly type: "pack-waiting"; readonly path: string; readonly holder: string }
  /** The packed store was read from the cache; its content hash was verified. */
  | { readonly type: "cache-used"; readonly path: string }
  /** A packed store was there and is not used: it is damaged, or made from other data. It is rebuilt. */
  | { readonly type: "cache-rejected"; readonly path: string; readonly reason: string }
  | { readonly type: "cache-written"; readonly path: string; readonly bytes: number }
  /** The packed store could not be written (full or read-only disk); the run goes on without it. */
  | { readonly type: "cache-unavailable"; readonly path: string; readonly reason: string }
  /** A download broke off and is taken up again where it stopped. */
  | {
      readonly type: "download-retry";
      readonly url: string;
      readonly attempt: number;
      readonly reason: string;
    };

export type OnDatasetEvent = (event: DatasetEvent) => void;
