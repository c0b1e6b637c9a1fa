import type { IncomingMessage } from "node:http";
import { answerText, type EndpointHandlers } from "../endpoints.ts";
import { STEER_TEXT_MAX } from "../limits.ts";
import { availableMembers, isReady, membersCalled } from "../members.ts";
import type { RoundState } from "../round-state.ts";

/** What may be done to a run from outside. */
export interface Steerable {
  readonly state: RoundState;
  pause(reason: string, owner: string): void;
  resume(): void;
  drain(workerId: string, reason: string): void;
  stop(reason: string): void;
}

/**
 * The endpoints that change a run. `?by=` says who does it and `?reason=` why; both are shown to everybody
 * who asks what the run waits for.
 */
export function steerHandlers(run: () => Steerable): EndpointHandlers {
  return {
    "POST /pause": (request, response) => {
      const { paused, over } = run().state;
      if (over !== null) return answerText(response, 409, "the run is over");
      if (paused !== null)
        return answerText(response, 409, `paused already by ${paused.owner}: ${paused.reason}`);
      const { by, reason } = wordsOf(request);
      run().pause(reason ?? "no reason was given", by);
      answerText(response, 200, "paused: what is leased is finished, nothing new is leased");
    },
    "POST /resume": (_, response) => {
      if (run().state.paused === null) return answerText(response, 409, "the run is not paused");
      run().resume();
      answerText(response, 200, "resumed");
    },
    "POST /drain": (request, response) => {
      const { state } = run();
      if (state.over !== null) return answerText(response, 409, "the run is over");
      const { by, reason, worker } = wordsOf(request);
      if (worker === null) {
        return answerText(
          response,
          400,
          `?worker=: expected a worker's name or id, got none; ${presentText(state)}`,
        );
      }
      const [member, ...others] = membersCalled(state, worker);
      if (member === undefined) {
        return answerText(response, 404, `there is no worker ${worker} here; ${presentText(state)}`);
      }
      if (others.length > 0) {
        const ids = [member, ...others].map(({ workerId, name }) => `${workerId}: ${name}`);
        return answerText(
          response,
          409,
          `${worker} are several workers, name one by its id: ${ids.join(", ")}`,
        );
      }
      if (member.dismissal !== null || (isReady(member) && member.status.isDraining)) {
        return answerText(response, 409, `${member.name} is leaving already`);
      }
      run().drain(member.workerId, `drained by ${by}${reason === null ? "" : `: ${reason}`}`);
      answerText(response, 200, `${member.name} is told to leave; ${restText(run().state)}`);
    },
    "POST /stop": (request, response) => {
      if (run().state.over !== null) return answerText(response, 409, "the run is over");
      const { by, reason } = wordsOf(request);
      answerText(response, 200, "stopping: a checkpoint is saved, and workers are told");
      run().stop(`stopped by ${by}${reason === null ? "" : `: ${reason}`}`);
    },
  };
}

/** Who could be meant. */
function presentText({ members }: RoundState): string {
  if (members.length === 0) return "no worker is connected";
  return `there are: ${members.map(({ workerId, name }) => `${name}, ${workerId}`).join("; ")}`;
}

/** Who goes on. */
function restText(state: RoundState): string {
  const count = availableMembers(state).length;
  if (count === 0) return "no other one is ready: the run waits for one";
  return `${count} ${count === 1 ? "goes" : "go"} on`;
}

interface Words {
  readonly by: string;
  readonly reason: string | null;
  readonly worker: string | null;
}

function wordsOf({ url }: IncomingMessage): Words {
  const query = new URLSearchParams((url ?? "").split("?", 2)[1] ?? "");
  const word = (name: string): string | null => {
    const text = query.get(name)?.trim().slice(0, STEER_TEXT_MAX);
    return text === undefined || text === "" ? null : text;
  };
  return { by: word("by") ?? "administrator", reason: word("reason"), worker: word("worker") };
}
