import type { ParamLayout } from "@shoal/core/outer";
import { firstNonFinite } from "./first-non-finite.ts";

export interface ResultContent {
  /** float32 [taskCount * statCount], then the summed gradient, if there is one. */
  readonly body: Float32Array;
  readonly statNames: readonly string[];
  readonly taskCount: number;
  /** Episode index of the first task. */
  readonly firstEpisode: number;
  readonly layout: ParamLayout;
}

/**
 * Says what in a result is NaN or infinite, as exactly as the result can tell: the episode and the
 * statistic, or else the parameter whose gradient it is. Null when everything is finite.
 */
export function findNonFinite({
  body,
  statNames,
  taskCount,
  firstEpisode,
  layout,
}: ResultContent): string | null {
  const statFloats = Math.min(body.length, taskCount * statNames.length);
  const stat = firstNonFinite(body, 0, statFloats);
  if (stat >= 0) {
    const task = Math.floor(stat / statNames.length);
    return `episode ${firstEpisode + task}: ${statNames[stat % statNames.length]} is ${body[stat]}`;
  }
  const at = firstNonFinite(body, statFloats, body.length);
  if (at < 0) return null;
  const offset = at - statFloats;
  const entry = layout.entries.find((param) => offset >= param.offset && offset < param.offset + param.size);
  return `gradient of ${entry?.name ?? `parameter ${offset}`} is ${body[at]}`;
}
