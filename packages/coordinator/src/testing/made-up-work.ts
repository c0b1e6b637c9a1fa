import { blockLeaves, createRandom, layoutParams, ReductionTree } from "@shoal/core/outer";
import type { Lease } from "@shoal/protocol";
import type { RoundSpec } from "../round-spec.ts";

/** Work whose bits follow from the parameters and the episode, as a real worker's do, and cost nothing. */
export const layout = layoutParams([
  { name: "weights", shape: [2, 2] },
  { name: "bias", shape: [1] },
]);

export const statNames = { train: ["loss"], evaluate: ["loss@0", "loss@1"] };

const SPLITS: readonly RoundSpec["split"][] = ["train", "validation", "test"];

/** The body of a block's result: statistics task by task, then the tree sum of the gradients if it trains. */
export function computeBlock(
  params: Float32Array,
  lease: Pick<Lease, "kind" | "split" | "level" | "index" | "leafCount" | "tasksPerLeaf" | "firstEpisode">,
): { readonly body: Float32Array; readonly taskCount: number; readonly statCount: number } {
  const { first, count } = blockLeaves(lease, lease.leafCount);
  const statCount = statNames[lease.kind].length;
  const taskCount = count * lease.tasksPerLeaf;
  const isTrain = lease.kind === "train";
  const body = new Float32Array(taskCount * statCount + (isTrain ? layout.size : 0));
  const tree = new ReductionTree(count, isTrain ? layout.size : 0);
  for (let leaf = 0; leaf < count; leaf++) {
    const gradient = new Float32Array(isTrain ? layout.size : 0);
    for (let task = 0; task < lease.tasksPerLeaf; task++) {
      const inBlock = leaf * lease.tasksPerLeaf + task;
      const episode = lease.firstEpisode + first * lease.tasksPerLeaf + inBlock;
      const random = createRandom(11, SPLITS.indexOf(lease.split), episode);
      for (let stat = 0; stat < statCount; stat++) {
        body[inBlock * statCount + stat] = params[stat]! * random.normal() + random.uniform();
      }
      // Sizes over many powers of two: another order of the sum gives other bits.
      for (let i = 0; i < gradient.length; i++) {
        gradient[i]! += random.normal() * 2 ** (random.int(20) - 18) + 0.1 * params[i]!;
      }
    }
    tree.add({ level: 0, index: leaf }, gradient);
  }
  body.set(tree.root(), taskCount * statCount);
  return { body, taskCount, statCount };
}
