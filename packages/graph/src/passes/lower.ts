import { type Graph, mapGraph } from "../graph.ts";
import type { Node } from "../node.ts";
import { rebuildNode } from "../rebuild-node.ts";
import { lowerConvolution } from "./lower-convolutions.ts";
import { lowerPool } from "./lower-pools.ts";
import { splitPoolTaps } from "./split-pool-taps.ts";

/**
 * Replaces convolutions and pools by gathers, matrix products, comparisons and selections, and selections
 * of booleans, which ONNX Runtime lacks, by logic.
 */
export function lower(graph: Graph): Graph {
  return mapGraph(splitPoolTaps(graph), (b, node, inputs) => {
    switch (node.op) {
      case "conv":
      case "convInputGrad":
      case "convFilterGrad":
        return lowerConvolution(b, node, inputs);
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
