import { createRandom } from "../outer/random.ts";

/** First coordinate of the random streams of minibatches. */
const MINIBATCH_STREAM = 0x1717_0002;

/**
 * Which examples make up `count` minibatches of `size`, one after the other.
 *
 * The examples are gone through in a random order, then in another: no example comes a second time before
 * all have come. The same arguments give the same minibatches everywhere.
 *
 * @param examples how many there are
 * @returns `count * size` indices from 0 to `examples - 1`
 */
export function drawMinibatches(
  examples: number,
  { size, count }: { readonly size: number; readonly count: number },
  ...coordinates: readonly number[]
): readonly number[] {
  const random = createRandom(MINIBATCH_STREAM, ...coordinates);
  const drawn: number[] = [];
  while (drawn.length < size * count) {
    drawn.push(...random.shuffle(Array.from({ length: examples }, (_, i) => i)));
  }
  return drawn.slice(0, size * count);
}
