import { type Graph, mapGraph } from "../graph.ts";
import { rebuildNode } from "../rebuild-node.ts";
import { lowerConvolution } from "./lower-convolutions.ts";
import { lowerPool } from "./lower-pools.ts";

/** Replaces convolutions and pools by gathers, matrix products, comparisons and selections. */
export function lower(graph: Graph): Graph {
  return mapGraph(graph, (b, node, inputs) => {
    switch (node.op) {
      case "conv":
      case "convInputGrad":
      case "convFilterGrad":
        return lowerConvolution(b, node, inputs);
      case "poolSelect":
      case "poolScatter":
        return lowerPool(b, node, inputs);
      default:
        return rebuildNode(b, node, inputs);
    }
  });
}
