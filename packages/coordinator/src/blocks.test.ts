import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutOut, fitBlock, leavesOf, rootBlock, spliceBlocks } from "./blocks.ts";
import type { Block, Round } from "./round-state.ts";
import { trainSpec } from "./testing/driven-round.ts";

const winner = { workerId: "w1", name: "w1", device: "cpu" };
const lease = { leaseId: 1, workerId: "w1", issuedMs: 0, begunMs: 0, deadlineMs: 1 };

function roundOf(leafCount: number): Round {
  const spec = { ...trainSpec, taskCount: leafCount, tasksPerLeaf: 1 };
  return { spec, blocks: [rootBlock(spec)], hasBegun: true, hedgedLeaves: 0 };
}

/** A round of 8 leaves cut into (2, 0), (0, 4), (0, 5) and (1, 3); `change` changes block `at`. */
function cut(at: number, change: Partial<Block>): Round {
  const round = roundOf(8);
  const parts = cutOut(round.spec, round.blocks[0]!, { level: 0, index: 4 });
  const { blocks } = spliceBlocks(round, round.blocks, parts);
  return { ...round, blocks: blocks.map((block, i) => (i === at ? { ...block, ...change } : block)) };
}

const keys = ({ blocks }: Round): string[] => blocks.map(({ level, index }) => `${level}:${index}`);

describe("a result that fits the round", () => {
  test("splits an open block that it is a part of", () => {
    expect(keys(cut(0, {}))).toEqual(["2:0", "0:4", "0:5", "1:3"]);
    expect(keys(fitBlock(cut(0, {}), { level: 0, index: 1 })!.round)).toEqual([
      "0:0",
      "0:1",
      "1:1",
      "0:4",
      "0:5",
      "1:3",
    ]);
  });

  test("joins unfinished blocks that it covers, and makes their leases superfluous", () => {
    const fitted = fitBlock(cut(1, { leases: [lease] }), { level: 2, index: 1 })!;
    expect(keys(fitted.round)).toEqual(["2:0", "2:1"]);
    expect(fitted.superfluous).toEqual([lease]);
  });

  test("does not exist where a leaf of it counts already, or is leased as part of a bigger block", () => {
    expect(fitBlock(cut(1, { winner }), { level: 2, index: 1 })).toBeNull();
    expect(fitBlock(cut(0, { leases: [lease] }), { level: 1, index: 0 })).toBeNull();
  });

  test("does not exist outside of the tree", () => {
    for (const node of [
      { level: 4, index: 0 },
      { level: 0, index: 8 },
      { level: 1e9, index: 0 },
    ]) {
      expect(fitBlock(roundOf(8), node)).toBeNull();
    }
  });
});

test("whatever results come in whatever order, the blocks are a partition of the leaves", () => {
  const node = fc.record({ level: fc.nat(6), index: fc.nat(40) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(node, { maxLength: 30 }), (leafCount, nodes) => {
      let round = roundOf(leafCount);
      const counted = new Uint8Array(leafCount);
      for (const node of nodes) {
        const fitting = fitBlock(round, node);
        if (fitting === null || fitting.block.winner !== null) continue;
        const { first, count } = leavesOf(round.spec, node);
        for (let leaf = first; leaf < first + count; leaf++) counted[leaf]!++;
        const { level, index } = fitting.block;
        const blocks = fitting.round.blocks.map((block) =>
          block.level === level && block.index === index ? { ...block, winner } : block,
        );
        round = { ...fitting.round, blocks };
      }
      let end = 0;
      for (const block of round.blocks) {
        const { first, count } = leavesOf(round.spec, block);
        expect(first).toBe(end);
        expect(count).toBeGreaterThan(0);
        const times = block.winner === null ? 0 : 1;
        expect([...counted.subarray(first, first + count)]).toEqual(new Array<number>(count).fill(times));
        end += count;
      }
      expect(end).toBe(leafCount);
    }),
  );
});
