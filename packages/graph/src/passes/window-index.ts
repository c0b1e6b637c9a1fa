import type { GraphBuilder } from "../graph-builder.ts";
import type { Shape, Window } from "../node.ts";

/**
 * Which positions the taps of a window connect, as index tables for `gather`.
 *
 * Positions are flat over height and width. A tap that falls outside points to position `count`, where
 * the caller puts a row of zeros.
 */
export interface WindowIndex {
  /** `[outputs * taps]`: the input position under each tap of each output. */
  readonly inputOfTap: Int32Array;
  /** `[inputs * taps]`: the output position whose tap `k` reads each input, at most one per tap. */
  readonly outputOfTap: Int32Array;
  /** `[inputs * readers]`: flat `(output, tap)` pairs that read each input. */
  readonly pairsOfInput: Int32Array;
  /** The most pairs that any input has. */
  readonly readers: number;
  /** True if some tap of some output falls outside. */
  readonly inputOfTapHasHoles: boolean;
  readonly outputOfTapHasHoles: boolean;
  readonly pairsOfInputHasHoles: boolean;
}

/** The tables that one graph has made already: a network of many steps asks for the same few again and again. */
const tables = new WeakMap<GraphBuilder, Map<string, WindowIndex>>();

/** @param from shape `[N, H, W, C]` under the window, `to` shape of its output */
export function indexWindow(b: GraphBuilder, window: Window, from: Shape, to: Shape): WindowIndex {
  const known = tables.get(b) ?? new Map<string, WindowIndex>();
  tables.set(b, known);
  const key = JSON.stringify([window, from[1], from[2], to[1], to[2]]);
  const index = known.get(key) ?? computeIndex(window, from, to);
  known.set(key, index);
  return index;
}

function computeIndex(window: Window, from: Shape, to: Shape): WindowIndex {
  const [height, width] = [from[1]!, from[2]!];
  const [outHeight, outWidth] = [to[1]!, to[2]!];
  const taps = window.size[0] * window.size[1];
  const [inputs, outputs] = [height * width, outHeight * outWidth];
  const inputOfTap = new Int32Array(outputs * taps).fill(inputs);
  const outputOfTap = new Int32Array(inputs * taps).fill(outputs);
  const pairs: number[][] = Array.from({ length: inputs }, () => []);
  for (let output = 0; output < outputs; output++) {
    for (let tap = 0; tap < taps; tap++) {
      const [ky, kx] = [Math.floor(tap / window.size[1]), tap % window.size[1]];
      const [oy, ox] = [Math.floor(output / outWidth), output % outWidth];
      const y = oy * window.strides[0] + ky * window.dilations[0] - window.padBefore[0];
      const x = ox * window.strides[1] + kx * window.dilations[1] - window.padBefore[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const input = y * width + x;
      inputOfTap[output * taps + tap] = input;
      outputOfTap[input * taps + tap] = output;
      pairs[input]!.push(output * taps + tap);
    }
  }
  const readers = Math.max(...pairs.map((list) => list.length));
  const pairsOfInput = new Int32Array(inputs * readers).fill(outputs * taps);
  pairs.forEach((list, input) => {
    pairsOfInput.set(list, input * readers);
  });
  return {
    inputOfTap,
    outputOfTap,
    pairsOfInput,
    readers,
    inputOfTapHasHoles: inputOfTap.includes(inputs),
    outputOfTapHasHoles: outputOfTap.includes(outputs),
    pairsOfInputHasHoles: pairsOfInput.includes(outputs * taps),
  };
}
