export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** The highest protocol version that both sides speak, or null when there is none. */
export function negotiateVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : null;
}
