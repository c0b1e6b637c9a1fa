import { z } from "zod";

/** Where a run's coordinator can be found: `rendezvous.json` in the run directory, while it runs. */
const rendezvousSchema = z.object({
  format: z.literal(1),
  /** `ws://HOST:PORT` or `wss://HOST:PORT`, where the coordinator listens. */
  url: z.string(),
  /** SHA-256 of its certificate, in hex; null: no TLS. */
  fingerprint: z.string().nullable(),
  incarnation: z.int().min(1),
  pid: z.int(),
  host: z.string(),
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
