import { blockLeaves } from "@shoal/core/outer";
import { leafCountOf, type RoundSpec } from "./round-spec.ts";
import type { Block, BlockLease, Round } from "./round-state.ts";

/** A node of the tree over a round's leaves. */
export type Node = Pick<Block, "level" | "index">;

/** The whole round as one block, which is split as it is leased. */
export function rootBlock(spec: RoundSpec): Block {
  return openBlock(heightOf(spec), 0);
}

/** First leaf and number of leaves of a block; 0 leaves if it lies behind the last. */
export function leavesOf(spec: RoundSpec, node: Node): { readonly first: number; readonly count: number } {
  return blockLeaves(node, leafCountOf(spec));
}

/** Whether there is such a node in the round's tree. */
export function hasLeaves(spec: RoundSpec, node: Node): boolean {
  return node.level <= heightOf(spec) && leavesOf(spec, node).count > 0;
}

export function isSame(a: Node, b: Node): boolean {
  return a.level === b.level && a.index === b.index;
}

/** Nobody has its result, and nobody is asked for it. */
export function isOpen({ winner, leases }: Block): boolean {
  return winner === null && leases.length === 0;
}

export function replaceBlock(round: Round, changed: Block): Round {
  const blocks = [...round.blocks];
  blocks[blocks.findIndex((block) => isSame(block, changed))] = changed;
  return { ...round, blocks };
}

/** The two halves of a block; one, where the right half lies behind the last leaf. */
export function splitBlock(spec: RoundSpec, { level, index }: Node): readonly Block[] {
  const halves = [openBlock(level - 1, 2 * index), openBlock(level - 1, 2 * index + 1)];
  return halves.filter((half) => leavesOf(spec, half).count > 0);
}

/**
 * Finds the block that a result is for, and cuts the round to it where that is possible: open blocks are
 * split to give it, or unfinished ones that it covers are joined. So a result counts however the round
 * was cut since, or by a coordinator before, and no leaf counts twice.
 *
 * @returns the round with `block` in it, and the leases of other blocks that it makes superfluous; null if
 *   leaves of the block count already, or are leased as part of a bigger one, or there is no such block
 */
export function fitBlock(
  round: Round,
  node: Node,
): { readonly round: Round; readonly block: Block; readonly superfluous: readonly BlockLease[] } | null {
  const { spec } = round;
  if (!hasLeaves(spec, node)) return null;
  const { first, count } = leavesOf(spec, node);
  const end = first + count;
  const touched = round.blocks.filter((block) => {
    const leaves = leavesOf(spec, block);
    return leaves.first < end && leaves.first + leaves.count > first;
  });
  const [only] = touched;
  if (only === undefined) return null;
  if (touched.length === 1 && leavesOf(spec, only).count === count) {
    return { round, block: only, superfluous: [] };
  }
  if (touched.length === 1) {
    if (!isOpen(only)) return null;
    const parts = cutOut(spec, only, node);
    return {
      round: spliceBlocks(round, touched, parts),
      block: openBlock(node.level, node.index),
      superfluous: [],
    };
  }
  if (touched.some(({ winner }) => winner !== null)) return null;
  const block = {
    ...openBlock(node.level, node.index),
    failures: touched.flatMap(({ failures }) => failures),
  };
  return {
    round: spliceBlocks(round, touched, [block]),
    block,
    superfluous: touched.flatMap(({ leases }) => leases),
  };
}

/** Splits `block` until `node` is one of the parts. */
export function cutOut(spec: RoundSpec, block: Block, node: Node): readonly Block[] {
  if (block.level <= node.level) return [block];
  const { first } = leavesOf(spec, node);
  return splitBlock(spec, block).flatMap((half) => {
    const leaves = leavesOf(spec, half);
    const holds = first >= leaves.first && first < leaves.first + leaves.count;
    return holds ? cutOut(spec, half, node) : [half];
  });
}

/** Puts `parts` where the neighbours `out` were. */
export function spliceBlocks(round: Round, out: readonly Block[], parts: readonly Block[]): Round {
  const at = round.blocks.indexOf(out[0]!);
  const blocks = [...round.blocks];
  blocks.splice(at, out.length, ...parts);
  return { ...round, blocks };
}

function heightOf(spec: RoundSpec): number {
  return 32 - Math.clz32(leafCountOf(spec) - 1);
}

function openBlock(level: number, index: number): Block {
  return { level, index, winner: null, leases: [], failures: [], isAudited: false };
}
