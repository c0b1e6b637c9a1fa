import type { DatasetConfig, DatasetName, TaskSource } from "@shoal/core";
import type { OnDatasetEvent } from "./dataset-event.ts";

/** Where a data set's files and packed stores are. */
export interface Places {
  /** Directory of the data set's files; null: what its environment variable says, else the cache. */
  readonly dataDir: string | null;
  /** Directory of packed stores and downloads; null: nothing is kept. */
  readonly cacheDir: string | null;
}

export interface OpenOptions extends Places {
  /** Seeds every episode; never the split. */
  readonly seed: number;
  /** Consecutive episodes that one graph computes, where it matters: those of a mixture share a shape. */
  readonly tasksPerLeaf: number;
  /** Download what is nowhere to be found. */
  readonly download: boolean;
  readonly onEvent: OnDatasetEvent;
  readonly signal?: AbortSignal | undefined;
}

export type MakeOptions = Omit<OpenOptions, "seed" | "tasksPerLeaf"> & { readonly cacheDir: string };

/** One packed store that a data set may have in the cache. */
export interface StoreStatus {
  /** `omniglot-binary`. */
  readonly name: string;
  readonly path: string;
  readonly state:
    | {
        readonly type: "ready";
        readonly bytes: number;
        readonly contentHash: string;
        readonly detail?: string;
      }
    | { readonly type: "missing" }
    | { readonly type: "unfinished"; readonly images: number }
    | { readonly type: "damaged"; readonly reason: string };
}

/** A packed store that is ready in the cache. */
export interface PreparedStore {
  /** `omniglot-binary`. */
  readonly name: string;
  readonly path: string;
  readonly classes: number;
  readonly images: number;
  readonly contentHash: string;
}

/** What one check of `verifyDataSet` found. */
export interface DataSetCheck {
  /** What was checked: `files`, or a store's name. */
  readonly name: string;
  /**
   * `absent`: there is nothing to check, which is no fault. `differs`: usable, but not what was published,
   * so that results do not compare.
   */
  readonly outcome: "whole" | "faulty" | "absent" | "differs";
  /** One sentence for people. */
  readonly detail: string;
}

/** Everything that this package does with one data set. One file makes one of these. */
export interface DataSet<C extends DatasetConfig = DatasetConfig> {
  readonly description: string;
  /** What a person must bring. */
  readonly needs: "nothing" | "files";
  readonly licence: string;
  /** Environment variable that names a directory with the files; null: there are no files. */
  readonly variable: string | null;
  /** How the files may lie on disk, for people. */
  readonly formats: readonly string[];
  /** Opens the source of tasks; what the configuration asks for is checked before any file is opened. */
  open(config: C, options: OpenOptions): Promise<TaskSource>;
  /** The packed stores in the cache, and those that are not made yet where their names are known. */
  stores(cacheDir: string): Promise<readonly StoreStatus[]>;
  /** Makes all packed stores that `config` needs; those that are there are kept. */
  prepare(config: C, options: MakeOptions): Promise<readonly PreparedStore[]>;
  /** Compares files and packed stores with what they should be; faults are in the report, not thrown. */
  verify(config: C, options: MakeOptions): Promise<readonly DataSetCheck[]>;
}

/** The configuration of one source. */
export type ConfigOf<N extends DatasetName> = Extract<DatasetConfig, { source: N }>;

/** The directory that was named, by argument or by the data set's environment variable. */
export function namedDirectory(dataDir: string | null, variable: string): string | null {
  const directory = dataDir ?? process.env[variable] ?? "";
  return directory === "" ? null : directory;
}
