import type { Block, Round } from "./round-state.ts";

/** Takes every block back that `workerId` holds, to be leased to others. */
export function returnBlocks(
  round: Round | null,
  workerId: string,
): { readonly round: Round | null; readonly returned: readonly Block[] } {
  if (round === null) return { round, returned: [] };
  const returned = round.blocks.filter(({ lease }) => lease?.workerId === workerId);
  if (returned.length === 0) return { round, returned };
  const blocks = round.blocks.map((block) =>
    block.lease?.workerId === workerId ? { ...block, lease: null } : block,
  );
  return { round: { ...round, blocks }, returned };
}
