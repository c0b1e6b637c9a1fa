import { type Normalization, normalizationStatistics } from "../images/normalization.ts";

/** What the images of all sources of a mixture become. */
export interface CommonImages {
  /** Height and width, in pixels. */
  readonly side: number;
  readonly channels: 1 | 3;
  readonly normalization: Normalization;
}

/** Shares of red, green and blue in grey: ITU-R BT.601. */
const luma = [0.299, 0.587, 0.114] as const;

/**
 * A function that brings images in [0, 1], float32 `[n, side, side, channels]`, to a common side and channels.
 *
 * They are resampled by a triangle filter, as wide as a pixel of the coarser grid: linear interpolation when they
 * grow, an average when they shrink. Colours become grey by their luma, and grey is repeated for each colour. Sums are
 * taken in float64, in one order, so that every machine has the same bits.
 */
export function fitImages(
  [height, width, channels]: readonly [number, number, number],
  { side, channels: wanted, normalization }: CommonImages,
): (x: Float32Array) => Float32Array {
  const rows = triangleTaps(height, side);
  const columns = triangleTaps(width, side);
  const size = height * width * channels;
  const isSame = height === side && width === side;
  return (x) => {
    const count = x.length / size;
    const fitted = new Float32Array(count * side * side * wanted);
    for (let n = 0; n < count; n++) {
      const image = x.subarray(n * size, (n + 1) * size);
      const resized = isSame ? image : resample(image, [height, width, channels], rows, columns);
      mixChannels(resized, channels, fitted.subarray(n * side * side * wanted), wanted, side * side);
    }
    return normalization === "unit" ? fitted : normalize(fitted, wanted);
  };
}

/** The inputs of one output along one axis, and their weights, which add up to 1. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Output i lies at (i + 1/2) from / to - 1/2 of the inputs; weights fall linearly to 0 at one pixel of the coarser grid. */
function triangleTaps(from: number, to: number): readonly Taps[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(from - 1, Math.floor(centre + reach));
    const raw = Array.from({ length: last - first + 1 }, (_, k) => 1 - Math.abs(first + k - centre) / reach);
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: raw.map((weight) => weight / sum) };
  });
}

/** Rows, then columns; float32 between the two. Hot: runs once per image. */
function resample(
  image: Float32Array,
  [, width, channels]: readonly [number, number, number],
  rows: readonly Taps[],
  columns: readonly Taps[],
): Float32Array {
  const stride = width * channels;
  const tall = new Float32Array(rows.length * stride);
  rows.forEach(({ first, weights }, row) => {
    for (let at = 0; at < stride; at++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * image[(first + k) * stride + at]!;
      tall[row * stride + at] = sum;
    }
  });
  const resized = new Float32Array(rows.length * columns.length * channels);
  for (let row = 0; row < rows.length; row++) {
    columns.forEach(({ first, weights }, column) => {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          sum += weights[k]! * tall[row * stride + (first + k) * channels + channel]!;
        }
        resized[(row * columns.length + column) * channels + channel] = sum;
      }
    });
  }
  return resized;
}

/** Hot: runs once per image. */
function mixChannels(
  from: Float32Array,
  channels: number,
  to: Float32Array,
  wanted: number,
  pixels: number,
): void {
  for (let pixel = 0; pixel < pixels; pixel++) {
    if (channels === wanted) {
      for (let c = 0; c < wanted; c++) to[pixel * wanted + c] = from[pixel * wanted + c]!;
    } else if (channels === 1) {
      for (let c = 0; c < wanted; c++) to[pixel * wanted + c] = from[pixel]!;
    } else {
      const at = 3 * pixel;
      to[pixel] = luma[0] * from[at]! + luma[1] * from[at + 1]! + luma[2] * from[at + 2]!;
    }
  }
}

/** (value - mean) / deviation, per channel, in place. */
function normalize(x: Float32Array, channels: number): Float32Array {
  const statistics = Array.from({ length: channels }, (_, c) => normalizationStatistics(c, channels));
  for (let i = 0; i < x.length; i++) {
    const { mean, std } = statistics[i % channels]!;
    x[i] = (x[i]! - mean) / std;
  }
  return x;
}
