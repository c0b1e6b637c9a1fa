import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { codeVersion, type GraphCache, readCachedGraph, writeCachedGraph } from "@shoal/graph/run";
import type { Piscina } from "piscina";
import { describeRequest, type LeafFacts, type LeafGraph, type LeafRequest } from "./leaf-graph.ts";
import { type ThreadReply, unwrap } from "./thread-reply.ts";

/**
 * The graphs of one program: each is taken from the cache on disk or compiled by the graph thread, once.
 */
export class LeafGraphs {
  readonly #thread: Piscina;
  readonly #cache: GraphCache | null;
  readonly #made = new Map<string, Promise<LeafGraph>>();

  /**
   * @param thread a pool of `graph-thread`
   * @param cache null: every graph is compiled anew
   */
  constructor(thread: Piscina, cache: GraphCache | null) {
    this.#thread = thread;
    this.#cache = cache;
  }

  /** @throws {ShoalError} with the code of whatever is wrong with the experiment */
  get(request: LeafRequest): Promise<LeafGraph> {
    const description = describeRequest(request);
    const known = this.#made.get(description);
    if (known !== undefined) return known;
    const making = this.#make(request, description).then(shareModel);
    this.#made.set(description, making);
    return making;
  }

  async #make(request: LeafRequest, description: string): Promise<LeafGraph> {
    const cache = request.target === null ? null : this.#cache;
    if (cache === null) return this.#compile(request);
    const key = await keyOf(description);
    const cached = await readCachedGraph(cache, key);
    if (cached !== null) return { request, ...(cached.about as LeafFacts), graph: cached.graph };
    const made = await this.#compile(request);
    const { layout, statNames, isScheduled, readsIdentities, graph } = made;
    const about: LeafFacts = { layout, statNames, isScheduled, readsIdentities };
    await writeCachedGraph(cache, key, { graph: graph!, about });
    return made;
  }

  async #compile(request: LeafRequest): Promise<LeafGraph> {
    return unwrap((await this.#thread.run(request)) as ThreadReply<LeafGraph>);
  }
}

/** The same graph with its model in shared memory: threads are sent it with every block, and it is not copied. */
function shareModel(leaf: LeafGraph): LeafGraph {
  if (leaf.graph === null) return leaf;
  const model = new Uint8Array(new SharedArrayBuffer(leaf.graph.model.length));
  model.set(leaf.graph.model);
  return { ...leaf, graph: { ...leaf.graph, model } };
}

let code: Promise<string> | null = null;

/** Names a graph by all that decides it: the request, and the code of the three packages that answer it. */
async function keyOf(description: string): Promise<string> {
  // Threads run the build, also where this file is loaded from its source.
  const core = createRequire(import.meta.url).resolve("@shoal/core");
  code ??= codeVersion([
    join(dirname(core), "..", "dist"),
    fileURLToPath(new URL("../dist/", import.meta.url)),
  ]);
  return createHash("sha256")
    .update(`${await code}\n${description}`)
    .digest("hex");
}
