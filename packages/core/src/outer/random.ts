import { normalQuantile } from "./normal-quantile.ts";

/** A stream of random numbers; the same arguments of `createRandom` give the same stream everywhere. */
export interface Random {
  /** 32 random bits. */
  uint32(): number;
  /** Uniform in [0, 1), a multiple of 2^-53. */
  uniform(): number;
  /** Uniform integer in 0 ... n - 1, 1 <= n <= 2^32, without bias. */
  int(n: number): number;
  /** Standard normal, to about 1e-9 in distribution. */
  normal(): number;
  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T>(values: T[]): T[];
}

/**
 * Random numbers as a function of a seed and the coordinates of their use: `(seed, stream, index)`.
 *
 * The coordinates are absorbed by a 32-bit hash with MurmurHash3's finalizer, and its state seeds sfc32
 * (Doty-Humphrey's small fast counter, which passes PractRand). All arithmetic is on integers up to the
 * last step, and `normal` uses only correctly rounded operations, so that every machine has the same bits.
 *
 * @param coordinates integers from 0 to 2^32 - 1; different coordinates give independent streams
 */
export function createRandom(...coordinates: readonly number[]): Random {
  let [a, b, c, counter] = absorb(coordinates);

  const uint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  // The first outputs of sfc32 still resemble the seed.
  for (let i = 0; i < 12; i++) uint32();

  const random: Random = {
    uint32,
    uniform: () => ((uint32() >>> 5) * 0x400_0000 + (uint32() >>> 6)) / 2 ** 53,
    int(n) {
      if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
        throw new RangeError(`int: expected 1 to 2^32, got ${n}`);
      // Numbers at or above the last multiple of n are drawn again: every remainder is equally likely.
      const limit = 2 ** 32 - (2 ** 32 % n);
      let bits = uint32();
      while (bits >= limit) bits = uint32();
      return bits % n;
    },
    // The middle of one of 2^32 equal intervals: never 0 or 1.
    normal: () => normalQuantile((uint32() + 0.5) / 2 ** 32),
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i--) {
        const j = random.int(i + 1);
        [values[i], values[j]] = [values[j]!, values[i]!];
      }
      return values;
    },
  };
  return random;
}

/** Hashes integers into four 32-bit words, each from the whole input. */
function absorb(coordinates: readonly number[]): [number, number, number, number] {
  // Nothing-up-my-sleeve words: the fractions of pi, as in Blowfish.
  const state: [number, number, number, number] = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  const mix = (word: number): void => {
    for (let lane = 0; lane < 4; lane++)
      state[lane] = finalize(state[lane]! ^ finalize(word + lane * 0x9e3779b9));
    // Lanes feed each other, so that two inputs that agree in one lane part in the next.
    for (let lane = 0; lane < 4; lane++) state[lane] = (state[lane]! + state[(lane + 1) % 4]!) | 0;
  };
  for (const coordinate of coordinates) {
    if (!Number.isInteger(coordinate) || coordinate < 0 || coordinate > 0xffff_ffff) {
      throw new RangeError(`createRandom: expected integers from 0 to 2^32 - 1, got ${coordinate}`);
    }
    mix(coordinate);
  }
  mix(coordinates.length);
  return state;
}

/** MurmurHash3's 32-bit finalizer (Appleby): a bijection in which every input bit flips half the output. */
function finalize(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}
