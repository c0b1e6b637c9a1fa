import { cosine, exponential, type Random, sine } from "@shoal/core/outer";
import type { Alphabet } from "./alphabet.ts";
import type { Character, Stroke } from "./character.ts";

/** One instance of a character: where the pen goes, in pixels, and how wide it is. */
export interface Handwriting {
  /** Polylines `[x0, y0, x1, y1, ...]`, in pixels; y points down. */
  readonly lines: readonly Float64Array[];
  readonly penPx: number;
}

/** Standard deviations of a hand. The grid spans 1 x 1. */
const jitterSd = 0.08;
const rotationSd = (10 * Math.PI) / 180;
const logScaleSd = 0.12;
const shearSd = 0.15;
const shiftSdPx = 1.5;
const logPenSd = 0.25;

/** Size of the undistorted grid, in pixels: seven tenths of the picture, as Omniglot's characters. */
const glyphSizePx = 20;
const penPxMin = 0.8;
const bezierSegments = 10;

/** Writes a character once: each grid point is jittered, then the whole is rotated, scaled, sheared, shifted. */
export function write(
  character: Character,
  alphabet: Alphabet,
  imageSidePx: number,
  random: Random,
): Handwriting {
  const toPixels = drawPlacement(alphabet, imageSidePx, random);
  // Strokes that meet at a grid point still nearly meet: the point's own jitter is shared by all uses.
  const jitter = new Map<number, readonly [number, number]>();
  const place = (point: number): readonly [number, number] => {
    const shared = jitter.get(point) ?? [jitterSd * random.normal(), jitterSd * random.normal()];
    jitter.set(point, shared);
    const [column, row] = [point % alphabet.gridSide, Math.floor(point / alphabet.gridSide)];
    const own = jitterSd / 2;
    const x = column / (alphabet.gridSide - 1) - 0.5 + shared[0] + own * random.normal();
    const y = row / (alphabet.gridSide - 1) - 0.5 + shared[1] + own * random.normal();
    return toPixels(x, y);
  };
  const lines = character.map((stroke) => trace(stroke, stroke.points.map(place)));
  const penPx = Math.max(penPxMin, alphabet.penPx * exponential(logPenSd * random.normal()));
  return { lines, penPx };
}

/** The affine map of one instance, from the grid's 1 x 1 square around the origin to pixels. */
function drawPlacement(
  alphabet: Alphabet,
  imageSidePx: number,
  random: Random,
): (x: number, y: number) => readonly [number, number] {
  const angle = rotationSd * random.normal();
  const scale = glyphSizePx * exponential(logScaleSd * random.normal());
  const shear = shearSd * random.normal() - alphabet.slant;
  const shiftX = imageSidePx / 2 + shiftSdPx * random.normal();
  const shiftY = imageSidePx / 2 + shiftSdPx * random.normal();
  // The longer side keeps the glyph's size.
  const width = Math.min(1, alphabet.aspect);
  const height = Math.min(1, 1 / alphabet.aspect);
  const [c, s] = [cosine(angle) * scale, sine(angle) * scale];
  return (x, y) => {
    const v = height * y;
    const u = width * x + shear * v;
    return [shiftX + c * u - s * v, shiftY + s * u + c * v];
  };
}

function trace(stroke: Stroke, points: readonly (readonly [number, number])[]): Float64Array {
  return stroke.type === "polyline" ? Float64Array.from(points.flat()) : traceBezier(points);
}

/** Points of a Bezier curve of any degree, by de Casteljau's algorithm. */
function traceBezier(points: readonly (readonly [number, number])[]): Float64Array {
  const line = new Float64Array(2 * (bezierSegments + 1));
  const x = new Float64Array(points.length);
  const y = new Float64Array(points.length);
  for (let segment = 0; segment <= bezierSegments; segment++) {
    const t = segment / bezierSegments;
    points.forEach(([px, py], i) => {
      x[i] = px;
      y[i] = py;
    });
    for (let degree = points.length - 1; degree > 0; degree--) {
      for (let i = 0; i < degree; i++) {
        x[i] = x[i]! + t * (x[i + 1]! - x[i]!);
        y[i] = y[i]! + t * (y[i + 1]! - y[i]!);
      }
    }
    line[2 * segment] = x[0]!;
    line[2 * segment + 1] = y[0]!;
  }
  return line;
}
