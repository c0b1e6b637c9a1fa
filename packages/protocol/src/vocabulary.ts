import type { z } from "zod";
import {
  type CoordinatorMessage,
  coordinatorMessageSchema,
  type WorkerMessage,
  workerMessageSchema,
} from "./messages.ts";

/** What one side may say: the schema of its messages, and which of them carry floats. */
export interface Vocabulary<Message extends { readonly type: string }> {
  readonly speaker: "worker" | "coordinator";
  readonly schema: z.ZodType<Message>;
  /** Messages with a body; these always have one, the others never. */
  readonly withBody: ReadonlySet<string>;
}

export const workerVocabulary: Vocabulary<WorkerMessage> = {
  speaker: "worker",
  schema: workerMessageSchema,
  withBody: new Set(["result"]),
};

export const coordinatorVocabulary: Vocabulary<CoordinatorMessage> = {
  speaker: "coordinator",
  schema: coordinatorMessageSchema,
  withBody: new Set(["params"]),
};
