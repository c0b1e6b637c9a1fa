import { addInto } from "./vector.ts";

/** The leaves `[index << level, (index + 1) << level)` of a round, cut at its last leaf. */
export interface Block {
  readonly level: number;
  readonly index: number;
}

/** A bitmap of the leaves stays small next to the vectors. */
const LEAVES_MAX = 2 ** 31;

/** First leaf and number of leaves of a block; 0 leaves if it lies behind the last. */
export function blockLeaves(
  block: Block,
  leafCount: number,
): { readonly first: number; readonly count: number } {
  const first = block.index * 2 ** block.level;
  return { first, count: Math.max(0, Math.min(first + 2 ** block.level, leafCount) - first) };
}

/**
 * Sums the leaves of a round in a fixed order, whatever the order in which they come.
 *
 * Node `(level, index)` of the binary tree is the float32 sum, left plus right, of its two children at
 * `level - 1`; where the right child has no leaf, the node is the left one. Because the tree depends on
 * the number of leaves alone, any aligned block may be summed by whoever has its parts: the root has the
 * same bits. (Sums in order of arrival differ in three of four elements.)
 *
 * At most one vector per level waits for its sibling when blocks come in order.
 */
export class ReductionTree {
  readonly #leafCount: number;
  readonly #size: number;
  readonly #height: number;
  /** Sums that wait for their sibling, by `level:index`. */
  readonly #waiting = new Map<string, Float32Array>();
  /** 1 for each leaf that is here. */
  readonly #isHere: Uint8Array;
  #leavesAdded = 0;

  /**
   * @param leafCount leaves of the round, 1 to 2^31
   * @param size floats per vector
   */
  constructor(leafCount: number, size: number) {
    if (!Number.isInteger(leafCount) || leafCount < 1 || leafCount > LEAVES_MAX) {
      throw new RangeError(`ReductionTree: expected 1 to ${LEAVES_MAX} leaves, got ${leafCount}`);
    }
    this.#leafCount = leafCount;
    this.#size = size;
    this.#height = 32 - Math.clz32(leafCount - 1);
    this.#isHere = new Uint8Array(leafCount);
  }

  /**
   * Takes the tree sum of one block, and owns `sum` from now on: it may be changed.
   *
   * @throws {RangeError} if the block is not in the tree, a leaf of it is here already, or `sum` has another
   *   length; the tree is then as before
   */
  add(block: Block, sum: Float32Array): void {
    const { first, count } = blockLeaves(block, this.#leafCount);
    const isBlock = Number.isInteger(block.level) && Number.isInteger(block.index);
    if (!isBlock || block.level < 0 || block.level > this.#height || block.index < 0 || count === 0) {
      throw new RangeError(
        `ReductionTree: block ${block.level}:${block.index} is not in a tree of ${this.#leafCount}`,
      );
    }
    if (sum.length !== this.#size)
      throw new RangeError(`ReductionTree: ${sum.length} floats, expected ${this.#size}`);
    const twice = this.#isHere.subarray(first, first + count).indexOf(1);
    if (twice !== -1) throw new RangeError(`ReductionTree: leaf ${first + twice} was added twice`);
    this.#isHere.fill(1, first, first + count);
    this.#leavesAdded += count;
    this.#rise(block.level, block.index, sum);
  }

  get complete(): boolean {
    return this.#leavesAdded === this.#leafCount;
  }

  /** The sum over all leaves, float32 [size]; the tree gives it away. */
  root(): Float32Array {
    const sum = this.#waiting.get(`${this.#height}:0`);
    if (!this.complete || sum === undefined) {
      throw new Error(`ReductionTree: ${this.#leavesAdded} of ${this.#leafCount} leaves are here`);
    }
    return sum;
  }

  #rise(level: number, index: number, sum: Float32Array): void {
    const key = `${level}:${index}`;
    if (level === this.#height) {
      this.#waiting.set(key, sum);
      return;
    }
    const isLeft = index % 2 === 0;
    const siblingIndex = isLeft ? index + 1 : index - 1;
    if (isLeft && blockLeaves({ level, index: siblingIndex }, this.#leafCount).count === 0) {
      this.#rise(level + 1, index / 2, sum);
      return;
    }
    const siblingKey = `${level}:${siblingIndex}`;
    const sibling = this.#waiting.get(siblingKey);
    if (sibling === undefined) {
      this.#waiting.set(key, sum);
      return;
    }
    this.#waiting.delete(siblingKey);
    // Float addition is commutative: into whichever side, the bits are those of left plus right.
    addInto(sibling, sum);
    this.#rise(level + 1, Math.floor(index / 2), sibling);
  }
}
