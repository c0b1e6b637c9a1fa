import type { Random } from "@shoal/core/outer";

/** The common hand of an alphabet's characters; drawn once. */
export interface Alphabet {
  /** Strokes run between the points of a `gridSide` x `gridSide` grid. */
  readonly gridSide: number;
  /** Chance that a stroke is a Bezier curve; else it is a polyline. */
  readonly curviness: number;
  /** Width over height. */
  readonly aspect: number;
  /** Horizontal shear: how far a point one glyph height up moves to the right, in glyph heights. */
  readonly slant: number;
  /** Chance that a stroke starts at an end of an earlier one. */
  readonly joinChance: number;
  /** Width of the pen, in pixels. */
  readonly penPx: number;
  /** Relative weights of 1, 2, 3 and 4 strokes per character. */
  readonly strokeCountWeights: readonly number[];
  /** Most points of a polyline between its first and its last. */
  readonly extraPointsMax: number;
  /** Chance that a stroke returns to its start. */
  readonly loopChance: number;
}

export function drawAlphabet(random: Random): Alphabet {
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  return {
    gridSide: 3 + random.int(3),
    curviness: random.uniform(),
    aspect: between(0.65, 1.2),
    slant: between(-0.25, 0.25),
    joinChance: between(0.2, 0.8),
    penPx: between(1.6, 2.4),
    strokeCountWeights: [random.uniform(), random.uniform(), random.uniform(), random.uniform()],
    extraPointsMax: 1 + random.int(2),
    loopChance: between(0, 0.3),
  };
}
