import type { IncomingMessage } from "node:http";
import { answerText, type EndpointHandlers } from "../endpoints.ts";
import { STEER_TEXT_MAX } from "../limits.ts";
import type { RoundState } from "../round-state.ts";

/** What may be done to a run from outside. */
export interface Steerable {
  readonly state: RoundState;
  pause(reason: string, owner: string): void;
  resume(): void;
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
    "POST /stop": (request, response) => {
      if (run().state.over !== null) return answerText(response, 409, "the run is over");
      const { by, reason } = wordsOf(request);
      answerText(response, 200, "stopping: a checkpoint is saved, and workers are told");
      run().stop(`stopped by ${by}${reason === null ? "" : `: ${reason}`}`);
    },
  };
}

function wordsOf({ url }: IncomingMessage): { readonly by: string; readonly reason: string | null } {
  const query = new URLSearchParams((url ?? "").split("?", 2)[1] ?? "");
  const word = (name: string): string | null => {
    const text = query.get(name)?.trim().slice(0, STEER_TEXT_MAX);
    return text === undefined || text === "" ? null : text;
  };
  return { by: word("by") ?? "administrator", reason: word("reason") };
}
