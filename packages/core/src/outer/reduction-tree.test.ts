import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "./random.ts";
import { type Block, blockLeaves, ReductionTree } from "./reduction-tree.ts";

const size = 3;
const leavesOf = (count: number): Float32Array[] => {
  const random = createRandom(count);
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()));
};

/** The definition, from the root down. */
function treeSum(leaves: readonly Float32Array[], level: number, index: number): Float32Array {
  if (level === 0) return leaves[index]!;
  const left = treeSum(leaves, level - 1, 2 * index);
  if (blockLeaves({ level: level - 1, index: 2 * index + 1 }, leaves.length).count === 0) return left;
  const right = treeSum(leaves, level - 1, 2 * index + 1);
  return left.map((value, i) => value + right[i]!);
}

/** Levels above the leaves, by counting. */
function rootLevel(count: number): number {
  let level = 0;
  while (2 ** level < count) level++;
  return level;
}

/** Cuts the round into blocks of random sizes, in a random order. */
function randomBlocks(leafCount: number, seed: number): Block[] {
  const random = createRandom(seed, 99);
  const cut = (level: number, index: number): Block[] => {
    if (blockLeaves({ level, index }, leafCount).count === 0) return [];
    if (level === 0 || random.uniform() < 0.3) return [{ level, index }];
    return [...cut(level - 1, 2 * index), ...cut(level - 1, 2 * index + 1)];
  };
  return random.shuffle(cut(rootLevel(leafCount), 0));
}

describe("ReductionTree", () => {
  test("gives the same bits for any blocks in any order, at any number of leaves", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), (leafCount, seed) => {
        const leaves = leavesOf(leafCount);
        const tree = new ReductionTree(leafCount, size);
        for (const block of randomBlocks(leafCount, seed)) {
          expect(tree.complete).toBe(false);
          tree.add(block, treeSum(leaves, block.level, block.index).slice());
        }
        expect(tree.complete).toBe(true);
        expect(tree.root()).toEqual(treeSum(leaves, rootLevel(leafCount), 0));
      }),
      { numRuns: 500 },
    );
  });

  test("differs from a sum in order, which is why the tree is fixed", () => {
    const leaves = leavesOf(32);
    const inOrder = leaves
      .slice(1)
      .reduce((sum, leaf) => sum.map((value, i) => value + leaf[i]!), leaves[0]!);
    expect(treeSum(leaves, 5, 0)).not.toEqual(inOrder);
  });

  test("refuses a block twice, an overlap, a block outside, and the wrong length", () => {
    const tree = new ReductionTree(5, 1);
    tree.add({ level: 1, index: 0 }, Float32Array.of(1));
    expect(() => tree.add({ level: 1, index: 0 }, Float32Array.of(1))).toThrow(/twice/);
    expect(() => new ReductionTree(5, 1).add({ level: 0, index: 5 }, Float32Array.of(1))).toThrow(
      /not in a tree of 5/,
    );
    expect(() => new ReductionTree(5, 1).add({ level: 0, index: 0 }, new Float32Array(2))).toThrow(
      /2 floats, expected 1/,
    );
    for (const block of [
      { level: -1, index: 0 },
      { level: 0.5, index: 0 },
      { level: 0, index: -1 },
      { level: 4, index: 0 },
    ]) {
      expect(() => new ReductionTree(5, 1).add(block, Float32Array.of(1))).toThrow(/not in a tree of 5/);
    }
    for (const leafCount of [0, -1, 1.5, Number.NaN, 2 ** 31 + 1]) {
      expect(() => new ReductionTree(leafCount, 1)).toThrow(RangeError);
    }
  });

  test("refuses a block inside and a block around what is here, and goes on as before", () => {
    const tree = new ReductionTree(4, 1);
    tree.add({ level: 1, index: 0 }, Float32Array.of(1));
    expect(() => tree.add({ level: 0, index: 1 }, Float32Array.of(1))).toThrow("leaf 1 was added twice");
    tree.add({ level: 0, index: 3 }, Float32Array.of(2));
    expect(() => tree.add({ level: 1, index: 1 }, Float32Array.of(1))).toThrow("leaf 3 was added twice");
    tree.add({ level: 0, index: 2 }, Float32Array.of(4));
    expect(Array.from(tree.root())).toEqual([7]);
  });

  test("has no root before it is complete", () => {
    const tree = new ReductionTree(2, 1);
    tree.add({ level: 0, index: 1 }, Float32Array.of(1));
    expect(() => tree.root()).toThrow("1 of 2 leaves");
  });

  test("cuts the last block at the last leaf", () => {
    expect(blockLeaves({ level: 2, index: 1 }, 7)).toEqual({ first: 4, count: 3 });
    expect(blockLeaves({ level: 2, index: 2 }, 7)).toEqual({ first: 8, count: 0 });
  });
});
