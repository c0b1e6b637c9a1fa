import { createRandom, layoutParams, ReductionTree } from "@shoal/core/outer";

/** Work whose bits follow from the parameters and the episode, as a real worker's do, and cost nothing. */
export const layout = layoutParams([
  { name: "weights", shape: [2, 2] },
  { name: "bias", shape: [1] },
]);

export const initialParams = Float32Array.of(1, -0.5, 0.25, 2, -1.5);

export const statNames = { train: ["loss"], evaluate: ["loss@0", "loss@1"] } as const;

const SPLITS = ["train", "validation", "test"] as const;

export interface MadeUpBlock {
  readonly kind: "train" | "evaluate";
  readonly split: (typeof SPLITS)[number];
  /** Episode index of each task, leaf by leaf. */
  readonly episodes: Int32Array;
  readonly leafCount: number;
}

/**
 * The body of a block's result: statistics task by task, then, for `train`, the tree sum of the gradients.
 *
 * The sizes lie over many powers of two: a sum in another order has other bits.
 */
export function computeMadeUp(params: Float32Array, block: MadeUpBlock): Float32Array {
  const { kind, split, episodes, leafCount } = block;
  const statCount = statNames[kind].length;
  const size = kind === "train" ? layout.size : 0;
  const tasksPerLeaf = episodes.length / leafCount;
  const body = new Float32Array(episodes.length * statCount + size);
  const tree = new ReductionTree(leafCount, size);
  for (let leaf = 0; leaf < leafCount; leaf++) {
    const gradient = new Float32Array(size);
    for (let i = leaf * tasksPerLeaf; i < (leaf + 1) * tasksPerLeaf; i++) {
      const random = createRandom(11, SPLITS.indexOf(split), episodes[i]!);
      for (let stat = 0; stat < statCount; stat++) {
        body[i * statCount + stat] = params[stat]! * random.uniform() + random.uniform();
      }
      for (let p = 0; p < size; p++) {
        gradient[p]! += (random.uniform() - 0.5) * 2 ** (random.int(20) - 18) + 0.1 * params[p]!;
      }
    }
    tree.add({ level: 0, index: leaf }, gradient);
  }
  body.set(tree.root(), episodes.length * statCount);
  return body;
}
