import { z } from "zod";

/**
 * Where a run's coordinator can be found, and all that is needed to reach it: `rendezvous.json` in the run
 * directory, written anew by every start (mode 0600) and marked at the end of the run. A coordinator that is
 * killed leaves it as it was.
 */
const rendezvousSchema = z.object({
  format: z.literal(1),
  runId: z.string(),
  /** Raised by every start of the coordinator. */
  incarnation: z.int().min(1),
  /** `ws://HOST:PORT` or `wss://HOST:PORT`, as other machines should write it. */
  url: z.string(),
  /** SHA-256 of its certificate, in lower-case hex; null: no TLS. */
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** Absolute path of the run's token file, for those who can read it; null: there are no tokens. */
  tokenFile: z.string().nullable(),
  /** Process and machine of the coordinator. */
  pid: z.int(),
  host: z.string(),
  /** How the run ended; null: it goes on, or its coordinator was killed. */
  ended: z.enum(["complete", "stopped", "failed"]).nullable(),
});

export type Rendezvous = z.infer<typeof rendezvousSchema>;

/** The file's name in a run directory. The tokens, where some are needed, lie beside it in `tokens`. */
export const RENDEZVOUS_FILE = "rendezvous.json";

/** Null if `text` is no rendezvous that this version knows. */
export function parseRendezvous(text: string): Rendezvous | null {
  try {
    return rendezvousSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
