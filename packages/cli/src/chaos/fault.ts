import { closest } from "fastest-levenshtein";
import { usageError } from "../usage-error.ts";

/** Every kind of fault, in the order of the report, with what happens. */
export const faultKinds = {
  kill: "SIGKILL of a worker, which is started again",
  stop: "SIGSTOP of a worker, and SIGCONT later",
  term: "SIGTERM of a worker, which gives its leases back and is started again",
  coordinator: "SIGKILL of the coordinator, which is started again with --resume",
  cut: "a worker's connection is cut",
  stall: "nothing passes on a worker's connection for a while",
  delay: "a worker's connection is slow for a while",
  corrupt: "a bit is changed on a worker's connection",
} as const;

export type FaultKind = keyof typeof faultKinds;

/** Something that happens to a run, `atMs` after its first step. `worker` counts from 0. */
export type Fault = { readonly atMs: number } & (
  | { readonly kind: "kill" | "term"; readonly worker: number; readonly restartMs: number }
  | { readonly kind: "stop" | "stall"; readonly worker: number; readonly ms: number }
  /** It listens on the port it had, or on any other. */
  | { readonly kind: "coordinator"; readonly restartMs: number; readonly port: "same" | "new" }
  /** Closed in good order, or reset. */
  | { readonly kind: "cut"; readonly worker: number; readonly how: "end" | "reset" }
  /** Every piece of data is held for `delayMs`, for `ms`. */
  | { readonly kind: "delay"; readonly worker: number; readonly ms: number; readonly delayMs: number }
  /** Of the next data to the coordinator, or to the worker; `bit` counts round it. */
  | {
      readonly kind: "corrupt";
      readonly worker: number;
      readonly direction: "up" | "down";
      readonly bit: number;
    }
);

/**
 * The kinds in a list such as `kill,stop,cut`.
 *
 * @throws {ShoalError} E_USAGE with the nearest kind
 */
export function parseFaultKinds(list: string): readonly FaultKind[] {
  const known = Object.keys(faultKinds) as FaultKind[];
  const named = list.split(",").map((name) => name.trim());
  const wrong = named.find((name) => !known.includes(name as FaultKind));
  if (wrong !== undefined) {
    throw usageError(
      `--faults: expected some of ${known.join(",")}, got "${wrong}"; did you mean ${closest(wrong, known)}?`,
    );
  }
  return known.filter((kind) => named.includes(kind));
}
