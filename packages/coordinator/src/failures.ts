import { replaceBlock } from "./blocks.ts";
import { BLOCK_FAILURES_MAX, WORKER_FAILURES_MAX } from "./limits.ts";
import { findMember, readyMembers, replaceMember } from "./members.ts";
import { refuse } from "./membership.ts";
import { describeTasks } from "./round-spec.ts";
import type { Block, Command, Member, Round, RoundState, Step } from "./round-state.ts";
import { replaceRound } from "./rounds.ts";

/** Notes a failure of `member` on a block of `round`; too many of a block end the run, too many of a worker its part. */
export function failBlock(
  state: RoundState,
  member: Member,
  round: Round,
  block: Block,
  reason: string,
): Step {
  const failures = [...block.failures, { worker: member.identity, reason }];
  const tasks = describeTasks(round.spec, block.level, block.index);
  const commands: Command[] = [
    {
      type: "notify",
      event: {
        type: "block-failed",
        worker: member.name,
        tasks,
        reason,
        failures: failures.length,
        failuresMax: BLOCK_FAILURES_MAX,
      },
    },
  ];
  const current = findMember(state, member.workerId);
  const blamed = current && { ...current, failuresInRow: current.failuresInRow + 1 };
  let next = replaceRound(state, replaceBlock(round, { ...block, failures }));
  if (blamed !== undefined) next = replaceMember(next, blamed);
  if (failures.length >= BLOCK_FAILURES_MAX && isHopeless(next, failures)) {
    commands.push({
      type: "fail",
      round: round.spec.number,
      code: "E_BLOCK",
      message:
        `${tasks}, step ${round.spec.version}: failed ${failures.length} times ` +
        `(${failures.map((failure) => `${failure.worker}: ${failure.reason}`).join("; ")})`,
    });
    return { state: next, commands };
  }
  if (blamed !== undefined && blamed.failuresInRow >= WORKER_FAILURES_MAX) {
    const message = `${blamed.failuresInRow} blocks in a row failed on this worker; the last one: ${reason}`;
    const refused = refuse(next, blamed, "E_WORKER", message);
    return { state: refused.state, commands: [...commands, ...refused.commands] };
  }
  return { state: next, commands };
}

/**
 * True if the block is the reason, and not the workers that it failed on: it failed on several, or nobody is
 * left who has not tried it. One broken worker cannot end a run that has others, however often it comes back.
 */
function isHopeless(state: RoundState, failures: Block["failures"]): boolean {
  const failedOn = new Set(failures.map(({ worker }) => worker));
  return (
    failedOn.size >= BLOCK_FAILURES_MAX || readyMembers(state).every(({ identity }) => failedOn.has(identity))
  );
}
