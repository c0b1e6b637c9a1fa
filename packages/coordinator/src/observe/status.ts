import { z } from "zod";

/** Version of the schema below; raised when a member goes or changes its meaning, not when one is added. */
export const STATUS_FORMAT = 1;

const count = z.int().min(0);
const time = z.iso.datetime();

/** Something that the run waits for. */
const waitSchema = z.object({
  /** All of it, as a sentence. */
  text: z.string(),
  /** Who waits: `step 118`, `the run`. */
  waiter: z.string(),
  /** What has to come: `2 workers`, `lease 17: train episodes 64-71`. */
  what: z.string(),
  /** Why it has not come yet. */
  reason: z.string(),
  /** Who can end the wait: a worker's name, a person. */
  owner: z.string(),
  since: time,
  waitedMs: z.number().min(0),
  /** When it is expected to end, by measured speeds; negative: it is overdue; null: unknown. */
  expectedInMs: z.number().nullable(),
  /** When the coordinator does something about it; null: its owner ends it. */
  until: time.nullable(),
  remainingMs: z.number().nullable(),
  /** What the coordinator does then. */
  ending: z.string(),
});

const workerSchema = z.object({
  id: z.string(),
  /** Name, host and pid, as in every message about it. */
  name: z.string(),
  host: z.string(),
  pid: count,
  /** Of its program. */
  version: z.string(),
  /** Null while it prepares. */
  device: z.string().nullable(),
  /** Blocks that it computes at the same time; null while it prepares. */
  slots: count.nullable(),
  /** Tasks per second that its slots have shown on training steps; null: not measured. */
  tasksPerSecond: z.number().nullable(),
  state: z.string(),
  /** What it waits for, by its own word; null: it computes. */
  wait: z
    .object({
      /** `data`, `graphs`, `workers` (of a relay), `parameters` or `lease`. */
      for: z.string(),
      since: time,
      waitedMs: z.number().min(0),
      /** When the coordinator does something about it; null: others end it, by finishing what they compute. */
      until: time.nullable(),
      remainingMs: z.number().nullable(),
    })
    .nullable()
    .default(null),
  /** Time since its last sign of life. */
  silentMs: z.number().min(0),
  /** Blocks of the round under way that it holds. */
  blocksLeased: count,
  /** Blocks of this worker that counted, since it joined. */
  blocksDone: count,
});

/** What `GET /status` answers. Times are ISO 8601, durations milliseconds. */
export const statusSchema = z.object({
  format: z.literal(STATUS_FORMAT),
  at: time,
  run: z.object({
    id: z.string(),
    /** Which start of the coordinator this is, from 1. */
    incarnation: count,
    experiment: z.string(),
    /** Null: nothing is written. */
    directory: z.string().nullable(),
    startedAt: time,
    state: z.string(),
  }),
  progress: z.object({
    /** Committed steps. */
    step: count,
    /** Steps of the whole run. */
    steps: count,
    stepsPerSecond: z.number().nullable(),
    tasksPerSecond: z.number().nullable(),
    /** Time to the last step at this speed; null: unknown. */
    remainingMs: z.number().nullable(),
    /** Of the last step; null before the first one of this start. */
    loss: z.number().nullable(),
    accuracy: z.number().nullable(),
    /** Share of the last step in which the coordinator was busy. */
    coordinatorShare: z.number().nullable(),
  }),
  /** Means over ranges of steps, from the start of this coordinator. */
  curve: z.array(z.object({ step: count, loss: z.number(), accuracy: z.number().nullable() })),
  evaluations: z.array(
    z.object({
      purpose: z.string(),
      split: z.string(),
      step: count,
      tasks: count,
      stats: z.record(z.string(), z.object({ mean: z.number(), ci95: z.number() })),
    }),
  ),
  workers: z.array(workerSchema),
  /** What the workers compute: a step, an evaluation, or both; none between rounds. */
  rounds: z.array(
    z.object({
      purpose: z.string(),
      split: z.string(),
      /** Committed steps of the parameters that it uses. */
      version: count,
      tasks: count,
      blocks: z.object({ total: count, done: count, leased: count, open: count }),
    }),
  ),
  waits: z.array(waitSchema),
  results: z.object({ accepted: count, duplicate: count, stale: count, invalid: count }),
  traffic: z.object({ receivedBytes: count, sentBytes: count }),
  /** The newest last; steps and evaluations have members of their own. */
  events: z.array(z.looseObject({ at: time, level: z.string(), type: z.string() })),
  /** Null where nothing is written. */
  disk: z.object({ runBytes: count, freeBytes: count }).nullable(),
});

export type Status = z.infer<typeof statusSchema>;
