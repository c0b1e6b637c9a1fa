import { serializeGraph } from "@shoal/graph";
import type { LeafGraph, LeafRequest } from "./leaf-graph.ts";
import { captureProgram, programOf } from "./leaf-program.ts";
import { replyOf, type ThreadReply } from "./thread-reply.ts";

/**
 * The thread that captures, differentiates and lowers: once per graph, for all compute threads. It lives
 * only while there is something to do.
 */
export default function run(request: LeafRequest): Promise<ThreadReply<LeafGraph>> {
  return replyOf(async () => {
    const program = programOf(request);
    const { layout, statNames, specs } = program;
    const isScheduled = Object.keys(specs[2]).length > 0;
    const graph = request.target === null ? null : serializeGraph(captureProgram(program), request.target);
    const readsIdentities = specs[1].identities !== undefined;
    return { request, layout, statNames, isScheduled, readsIdentities, graph };
  });
}
