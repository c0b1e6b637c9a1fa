import { evaluateProgram, type LeafProgram, trainProgram } from "@shoal/core";
import { capture, compile, type Executable, type Graph } from "@shoal/graph";
import { taskShapes } from "./block-job.ts";
import type { LeafRequest } from "./leaf-graph.ts";

/** The leaf function of a request. */
export function programOf({ kind, split, experiment, shapes }: LeafRequest): LeafProgram {
  const source = taskShapes(shapes);
  return kind === "train" ? trainProgram(experiment, source) : evaluateProgram(experiment, source, split);
}

/** Its graph. */
export function captureProgram({ fn, specs }: LeafProgram): Graph {
  return capture(fn, ...specs);
}

/** Its executable, on a device that takes graphs as they are. */
export function compileProgram(program: LeafProgram, device: string): Promise<Executable> {
  return compile(captureProgram(program), { device });
}
