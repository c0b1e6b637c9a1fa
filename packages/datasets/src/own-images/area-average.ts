/** Values of one channel, row-major. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

/** `plane` at `side` x `side`: each pixel the average of the area that it covers. */
export function areaAverage({ width, height, values }: Plane, side: number): Float64Array {
  const rows = coverage(height, side);
  const columns = coverage(width, side);
  const target = new Float64Array(side * side);
  const area = (width / side) * (height / side);
  rows.forEach((ofRow, row) => {
    columns.forEach((ofColumn, column) => {
      let sum = 0;
      for (const [y, tall] of ofRow) {
        for (const [x, wide] of ofColumn) sum += tall * wide * values[y * width + x]!;
      }
      target[row * side + column] = sum / area;
    });
  });
  return target;
}

/** For each of `side` pixels: the source pixels that it covers along one axis, and how much of each. */
function coverage(length: number, side: number): readonly (readonly (readonly [number, number])[])[] {
  return Array.from({ length: side }, (_, i) => {
    const [begin, end] = [(i * length) / side, ((i + 1) * length) / side];
    const covered: [number, number][] = [];
    for (let pixel = Math.floor(begin); pixel < end && pixel < length; pixel++) {
      covered.push([pixel, Math.min(end, pixel + 1) - Math.max(begin, pixel)]);
    }
    return covered;
  });
}
