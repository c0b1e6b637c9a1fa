import { ShoalError } from "@shoal/core/outer";
import { move, transferableSymbol, valueSymbol } from "piscina";

/** What a thread answers. Errors lose their class and code when they are posted, so they travel as data. */
export type ThreadReply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Runs `work` in a thread and wraps what it returns or throws. */
export async function replyOf<T>(work: () => Promise<T>): Promise<ThreadReply<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const known = error instanceof Error && "code" in error && typeof error.code === "string";
    if (known) return { ok: false, code: error.code as string, message: error.message };
    return {
      ok: false,
      code: "E_INTERNAL",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

/** A reply whose arrays are moved to the caller's thread, not copied; the thread must not touch them again. */
export function moving<T>(
  reply: ThreadReply<T>,
  arraysOf: (value: T) => readonly ArrayBufferView[],
): ThreadReply<T> {
  if (!reply.ok) return reply;
  const buffers = new Set(arraysOf(reply.value).map(({ buffer }) => buffer));
  const wrapped = { [transferableSymbol]: [...buffers], [valueSymbol]: reply };
  // Piscina unwraps it on the way out: the caller receives the reply itself.
  return move(wrapped as never) as unknown as ThreadReply<T>;
}

/** The value of a reply, or its error with its code. */
export function unwrap<T>(reply: ThreadReply<T>): T {
  if (reply.ok) return reply.value;
  throw new ShoalError(reply.code, reply.message);
}
