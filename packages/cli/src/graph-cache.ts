import { join } from "node:path";
import type { GraphCacheEvent } from "@shoal/graph/run";
import { taskSourceOptions } from "./data-options.ts";
import type { Values } from "./option-table.ts";

/** Where a command keeps compiled graphs. */
export function graphCacheDirectory(values: Values): string {
  return join(taskSourceOptions(values).cacheDir, "graphs");
}

/** The cache of compiled graphs, or null where it is not wanted. */
export function graphCacheOf(values: Values): { readonly directory: string } | null {
  return values["no-compile-cache"] === true ? null : { directory: graphCacheDirectory(values) };
}

/** What went wrong with the cache, and what follows, in one line. */
export function describeGraphCacheEvent(event: GraphCacheEvent): string {
  return event.type === "graph-cache-rejected"
    ? `compile cache: ${event.path} is not used and made anew: ${event.reason}`
    : `compile cache: cannot use ${event.directory} (${event.reason}); every start will compile anew`;
}
