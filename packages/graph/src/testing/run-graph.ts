import { compile } from "../compile.ts";
import type { Graph } from "../graph.ts";

/** The outputs of one run on `device`. */
export async function runGraph(
  graph: Graph,
  device: string,
  inputs: readonly (Float32Array | Float64Array | Int32Array)[],
): Promise<number[][]> {
  const executable = await compile(graph, { device });
  try {
    return (await executable.run(inputs)).map((output) => Array.from(output));
  } finally {
    await executable.close();
  }
}
