import { type Graph, mapGraph } from "../graph.ts";
import { type Node, sizeOf, topologicalOrder } from "../node.ts";
import { rebuildNode } from "../rebuild-node.ts";
import { lowerConvolution } from "./lower-convolutions.ts";
import { lowerPool } from "./lower-pools.ts";
import { splitPoolTaps } from "./split-pool-taps.ts";

/**
 * Replaces convolutions and pools by gathers, matrix products, comparisons and selections, and selections
 * of booleans, which ONNX Runtime lacks, by logic.
 *
 * @param blockSize channels per block of a direct convolution: what fits it stays `conv`. Default: there is none
 */
export function lower(graph: Graph, blockSize: number | null = null): Graph {
  const split = splitPoolTaps(graph, blockSize);
  const positions = positionsRead(split);
  return mapGraph(split, (b, node, inputs) => {
    switch (node.op) {
      case "conv":
      case "convInputGrad":
      case "convFilterGrad":
        return lowerConvolution(b, node, inputs, blockSize, isReadEnough(node, positions));
      case "poolSelect":
      case "poolScatter":
        return lowerPool(b, node, inputs);
      case "select": {
        if (node.dtype !== "bool") return rebuildNode(b, node, inputs);
        // c ? x : y = (c and x) or (not c and y)
        const [c, x, y] = inputs as [Node, Node, Node];
        return b.logical("or", b.logical("and", c, x), b.logical("and", b.not(c), y));
      }
      default:
        return rebuildNode(b, node, inputs);
    }
  });
}

/** How many outputs the convolutions of each image have together. */
function positionsRead({ results }: Graph): ReadonlyMap<Node, number> {
  const positions = new Map<Node, number>();
  for (const node of topologicalOrder(results)) {
    if (node.op !== "conv") continue;
    const [image] = node.inputs as [Node, Node];
    positions.set(image, (positions.get(image) ?? 0) + sizeOf(node.shape.slice(0, -1)));
  }
  return positions;
}

/** False for a strided convolution that has its image to itself: to bring all of it into blocks does not pay. */
function isReadEnough(node: Node, positions: ReadonlyMap<Node, number>): boolean {
  if (node.op !== "conv") return true;
  const [image] = node.inputs as [Node, Node];
  return 2 * positions.get(image)! > sizeOf(image.shape.slice(0, -1));
}
