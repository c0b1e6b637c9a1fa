import { revoke } from "./revoke.ts";
import type { Command, RoundState, Step } from "./round-state.ts";
import { findRound } from "./rounds.ts";

/** Takes a round back that nobody wants any more: its leases are revoked, and no result of it counts. */
export function cancel(state: RoundState, number: number): Step {
  const round = findRound(state, number);
  if (round === undefined) return { state, commands: [] };
  let next: RoundState = { ...state, rounds: state.rounds.filter((other) => other !== round) };
  const commands: Command[] = [];
  for (const block of round.blocks) {
    const revoked = revoke(next, round.spec, block, block.leases);
    next = revoked.state;
    commands.push(...revoked.commands);
  }
  return { state: next, commands };
}
