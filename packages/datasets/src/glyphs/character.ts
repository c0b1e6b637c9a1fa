import type { Random } from "@shoal/core/outer";
import { drawWithoutReplacement } from "../draw-without-replacement.ts";
import { glyphDrawsMax } from "../limits.ts";
import type { Alphabet } from "./alphabet.ts";

/** A movement of the pen over grid points `row * gridSide + column`. */
export interface Stroke {
  readonly type: "bezier" | "polyline";
  readonly points: readonly number[];
}

/** What a character is, apart from anyone's handwriting: its strokes on the alphabet's grid. */
export type Character = readonly Stroke[];

/** Draws the `count` characters of an alphabet, no two of them the same. */
export function drawCharacters(alphabet: Alphabet, count: number, random: Random): Character[] {
  const characters: Character[] = [];
  const seen = new Set<string>();
  for (let draws = 0; characters.length < count; draws++) {
    if (draws === count * glyphDrawsMax) {
      throw new Error(`glyphs: only ${characters.length} of ${count} characters differ`);
    }
    const character = drawCharacter(alphabet, random);
    const shape = shapeOf(character, alphabet.gridSide);
    if (isLoneStraightLine(character, alphabet.gridSide) || seen.has(shape)) continue;
    seen.add(shape);
    characters.push(character);
  }
  return characters;
}

function drawCharacter(alphabet: Alphabet, random: Random): Character {
  const strokeCount = 1 + drawWeighted(alphabet.strokeCountWeights, random);
  const strokes: Stroke[] = [];
  const ends: number[] = [];
  for (let i = 0; i < strokeCount; i++) {
    const joined = ends.length > 0 && random.uniform() < alphabet.joinChance;
    const stroke = drawStroke(alphabet, joined ? ends[random.int(ends.length)]! : null, random);
    strokes.push(stroke);
    ends.push(stroke.points[0]!, stroke.points.at(-1)!);
  }
  return strokes;
}

function drawStroke(alphabet: Alphabet, start: number | null, random: Random): Stroke {
  const type = random.uniform() < alphabet.curviness ? "bezier" : "polyline";
  const isLoop = random.uniform() < alphabet.loopChance;
  const open = type === "bezier" ? 3 + random.int(2) : 2 + random.int(alphabet.extraPointsMax + 1);
  // A loop needs three different points to enclose anything.
  const pointCount = isLoop ? Math.max(3, open) : open;
  const points = drawWithoutReplacement(random, pointCount, alphabet.gridSide ** 2);
  if (start !== null) {
    // The start trades places with the point drawn first, so that all points stay different.
    const already = points.indexOf(start);
    if (already > 0) points[already] = points[0]!;
    points[0] = start;
  }
  return { type, points: isLoop ? [...points, points[0]!] : points };
}

function drawWeighted(weights: readonly number[], random: Random): number {
  let rest = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length - 1; i++) {
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}

/** One text per shape: neither the place on the grid nor the order or direction of strokes shows on paper. */
function shapeOf(character: Character, gridSide: number): string {
  const points = character.flatMap((stroke) => stroke.points);
  const top = Math.min(...points.map((point) => Math.floor(point / gridSide)));
  const left = Math.min(...points.map((point) => point % gridSide));
  const corner = top * gridSide + left;
  return character
    .map((stroke) => {
      const placed = stroke.points.map((point) => point - corner);
      const [direction] = [placed.join(","), placed.toReversed().join(",")].sort();
      return `${stroke.type}:${direction}`;
    })
    .sort()
    .join(" ");
}

/** A single straight line can be told from another by its jittered direction alone: not a character. */
function isLoneStraightLine(character: Character, gridSide: number): boolean {
  if (character.length > 1) return false;
  const [first, last, ...rest] = character[0]!.points;
  const row = (point: number) => Math.floor(point / gridSide);
  const column = (point: number) => point % gridSide;
  const dy = row(last!) - row(first!);
  const dx = column(last!) - column(first!);
  return rest.every((p) => dy * (column(p) - column(first!)) === dx * (row(p) - row(first!)));
}
