import type { RunWorkerOptions } from "@shoal/worker";
import type { Values } from "./option-table.ts";
import { RendezvousMeeting } from "./rendezvous-meeting.ts";
import { fingerprintFor, refuseOpenToken } from "./secure-calling.ts";
import { readToken } from "./token.ts";
import { usageError } from "./usage-error.ts";

/** Where a worker finds its coordinator, and how both prove who they are. */
export interface Meeting {
  readonly options: Pick<RunWorkerOptions, "url" | "token" | "fingerprint" | "connect">;
  /** Null: the coordinator's URL was given. */
  readonly rendezvous: RendezvousMeeting | null;
}

/**
 * Reads `--rendezvous`, or `--url` and `--fingerprint`, and `--token-file` of a worker.
 *
 * @throws {ShoalError} E_USAGE if they do not fit together, or would send a token in the clear
 */
export function meetingOf(values: Values): Meeting {
  const { url, rendezvous: file } = values;
  if (file !== undefined) {
    if (url !== undefined || values.fingerprint !== undefined) {
      throw usageError(
        `--rendezvous: says all that --${url === undefined ? "fingerprint" : "url"} says, got both; leave one out`,
      );
    }
    if (values["token-file"] !== undefined) readToken(values["token-file"]);
    const rendezvous = new RendezvousMeeting(file, values["token-file"]);
    return { options: { url: file, connect: (signal) => rendezvous.connect(signal) }, rendezvous };
  }
  if (url === undefined) {
    throw usageError(
      "--url: expected ws://HOST:PORT of a coordinator, got nothing; shoal coordinator prints it, " +
        "or name its run's rendezvous.json with --rendezvous",
    );
  }
  const token = readToken(values["token-file"]);
  const fingerprint = fingerprintFor(url, values);
  refuseOpenToken(url, token !== null, values);
  const options = {
    url,
    ...(token === null ? {} : { token }),
    ...(fingerprint === null ? {} : { fingerprint }),
  };
  return { options, rendezvous: null };
}
