import { type KernelAttributes, type Lowerings, taking } from "./lowering.ts";
import { mapAlong, takeAlong } from "./take-along.ts";

/** Images `[n, h, w, c]` of another size, and normalization across their channels. */
export const imageKernels: Lowerings = taking(["float32"], {
  // Linear in each side: a matrix times the rows, then a matrix times the columns
  ResizeBilinear: (b, { images }, attributes) =>
    attributes.size.reduce(
      (x, to, i) => mapAlong(b, x, i + 1, blendMatrix(images!.shape[i + 1]!, to, attributes)),
      images!,
    ),
  ResizeNearestNeighbor: (b, { images }, attributes) =>
    attributes.size.reduce(
      (x, to, i) => takeAlong(b, x, i + 1, nearestPositions(images!.shape[i + 1]!, to, attributes)),
      images!,
    ),
  // x / (bias + alpha * sum of the squares of the channels within depthRadius)^beta
  LRN: (b, { x }, { depthRadius, bias, alpha, beta }) => {
    const channels = Array.from({ length: x!.shape[3]! }, (_, i) => i);
    const band = channels.map((i) => channels.map((j) => (Math.abs(i - j) <= depthRadius ? alpha : 0)));
    const energy = b.binary("add", mapAlong(b, b.binary("mul", x!, x!), 3, band), b.splat(bias));
    return b.binary("mul", x!, b.binary("pow", energy, b.splat(-beta)));
  },
});

/** How far a step in the result goes in the source. */
function ratioOf(from: number, to: number, alignCorners: boolean): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}

/** `[to, from]`: how much each position of the source counts for each of the result. */
function blendMatrix(
  from: number,
  to: number,
  { alignCorners, halfPixelCenters }: KernelAttributes,
): number[][] {
  const ratio = ratioOf(from, to, alignCorners);
  return Array.from({ length: to }, (_, i) => {
    const place = halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
    const low = Math.max(0, Math.floor(place));
    const high = Math.min(from - 1, Math.ceil(place));
    const weights = new Array<number>(from).fill(0);
    weights[low]! += 1 - (place - low);
    weights[high]! += place - low;
    return weights;
  });
}

function nearestPositions(
  from: number,
  to: number,
  { alignCorners, halfPixelCenters }: KernelAttributes,
): number[] {
  const ratio = ratioOf(from, to, alignCorners);
  return Array.from({ length: to }, (_, i) => {
    const place = ratio * (halfPixelCenters ? i + 0.5 : i);
    return Math.min(from - 1, alignCorners ? Math.round(place) : Math.floor(place));
  });
}
