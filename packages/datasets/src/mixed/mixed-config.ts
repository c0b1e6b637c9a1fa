import type { ConfigOf } from "../data-set.ts";

export type MixedConfig = ConfigOf<"mixed">;

/** Every pair of ways and shots that an episode of the mixture may have, the largest first. */
export function shapesOf({ ways, fewerWays = [], shots, fewerShots = [] }: MixedConfig): readonly {
  readonly ways: number;
  readonly shots: number;
}[] {
  return [ways, ...fewerWays].flatMap((w) => [shots, ...fewerShots].map((s) => ({ ways: w, shots: s })));
}

/** The name of a source in reports, and of its folder. */
export function nameOf({ name, source }: MixedConfig["sources"][number]): string {
  return name ?? source;
}
