import type { LeafExperiment, Split } from "@shoal/core";
import type { ParamLayout } from "@shoal/core/outer";
import type { SerializedGraph, Target } from "@shoal/graph/run";
import type { SourceShapes } from "./block-job.ts";

/** Which leaf function to compile, for which kind of device; nothing else decides the graph. */
export interface LeafRequest {
  readonly kind: "train" | "evaluate";
  readonly split: Split;
  readonly experiment: LeafExperiment;
  readonly shapes: SourceShapes;
  /** null: for a device that takes graphs as they are. */
  readonly target: Target | null;
}

/** What a thread must know of a leaf function beside its graph. */
export interface LeafFacts {
  readonly layout: ParamLayout;
  readonly statNames: readonly string[];
  /** True if the graph has inputs that the algorithm computes from the version. */
  readonly isScheduled: boolean;
  /** True if the graph takes the episodes' identities. */
  readonly readsIdentities: boolean;
}

/** A leaf function made ready to travel: plain data. */
export interface LeafGraph extends LeafFacts {
  readonly request: LeafRequest;
  /** null where the request names no target. */
  readonly graph: SerializedGraph | null;
}

/**
 * The same text for requests that get the same graph: episodes of one shape share it, whatever their split.
 */
export function describeRequest({ kind, split, experiment, shapes, target }: LeafRequest): string {
  const { problem, identities, specs } = shapes;
  return JSON.stringify({ kind, experiment, problem, identities, spec: specs[split], target });
}
