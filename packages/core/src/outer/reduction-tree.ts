import { addInto } from "./vector.ts";

/** The leaves `[index << level, (index + 1) << level)` of a round, cut at its last leaf. */
export interface Block {
  readonly level: number;
  readonly index: number;
}

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
  #leavesAdded = 0;

  /**
   * @param leafCount leaves of the round, >= 1
   * @param size floats per vector
   */
  constructor(leafCount: number, size: number) {
    if (leafCount < 1) throw new RangeError(`ReductionTree: expected at least one leaf, got ${leafCount}`);
    this.#leafCount = leafCount;
    this.#size = size;
    this.#height = Math.ceil(Math.log2(leafCount));
  }

  /**
   * Takes the tree sum of one block, and owns `sum` from now on: it may be changed.
   *
   * The caller adds each leaf exactly once.
   */
  add(block: Block, sum: Float32Array): void {
    const { count } = blockLeaves(block, this.#leafCount);
    if (count === 0 || block.level > this.#height) {
      throw new RangeError(
        `ReductionTree: block ${block.level}:${block.index} is not in a tree of ${this.#leafCount}`,
      );
    }
    if (sum.length !== this.#size)
      throw new RangeError(`ReductionTree: ${sum.length} floats, expected ${this.#size}`);
    this.#leavesAdded += count;
    if (this.#leavesAdded > this.#leafCount) throw new RangeError("ReductionTree: a leaf was added twice");
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
    if (this.#waiting.has(key)) throw new RangeError(`ReductionTree: block ${key} was added twice`);
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
