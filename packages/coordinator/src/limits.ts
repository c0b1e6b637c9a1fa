/** Every number that bounds a wait, a retry or a queue of the coordinator. */

/** Leases that a worker may hold per slot: one running, one prefetched. */
export const LEASES_PER_SLOT = 2;

/**
 * Lease ids that one start of a coordinator may use: a worker that hands in a block of the start before
 * must not seem to answer a new lease.
 */
export const LEASES_PER_INCARNATION = 1_000_000_000;

/** Slots that one worker is believed to have; a bigger claim is cut to this. */
export const SLOTS_MAX = 256;

/**
 * A new block is this part of the work that its slot is expected to get before the round ends: half of it, then
 * half of the rest, and so on (factoring). Big blocks first save messages, small ones last level the end.
 */
export const SHARE_DIVISOR = 2;

/** Shortest block that is planned where the speed is known, in ms: below it, messages cost more than balance gains. */
export const BLOCK_MS_MIN = 20;

/** Live leases of one block: its first, and one copy. */
export const COPIES_MAX = 2;

/** Shortest time of a leaf that is believed, in ms: speeds are divided by it. */
export const LEAF_MS_MIN = 0.001;

/** A running block counts as stalled after this many times its expected time, */
export const STALL_FACTOR = 1.5;

/** and this many ms more than it: any machine may pause that long. */
export const STALL_MS_MIN = 20;

/** A copy is worth while if the first result is expected at least this many times later, */
export const HEDGE_GAIN_MIN = 1.25;

/** and at least this many ms later. */
export const HEDGE_GAIN_MS_MIN = 20;

/** Leaves of a round that may be leased a second time to idle workers, as a share; one block may always. */
export const HEDGED_SHARE_MAX = 0.25;

/** The most by which one measurement may raise the time per leaf: a stall says little about the next block. */
export const SLOWDOWN_MAX = 2;

/** Leaves per block while nobody's speed is known. */
export const LEAVES_PER_BLOCK_UNMEASURED = 8;

/** Longest block that is planned where the speed is known, in ms: what a lost worker may cost. */
export const BLOCK_MS_MAX = 5_000;

/** Lease of a worker whose speed is not known yet, in ms. */
export const LEASE_MS_UNMEASURED = 120_000;

/** Shortest lease, in ms: a garbage collection or a busy machine is no reason to compute twice. */
export const LEASE_MS_MIN = 10_000;

/** A lease is this many times as long as its worker is expected to need. */
export const LEASE_FACTOR = 4;

/** A worker that still owes a block after this many times its lease is dropped. */
export const ABANDON_FACTOR = 4;

/** Failures of one block, on different workers as far as there are any, before the run ends. */
export const BLOCK_FAILURES_MAX = 3;

/** Failures in a row before a worker is refused. */
export const WORKER_FAILURES_MAX = 5;

/**
 * A worker that was told to leave is dropped if it is still there after this long, in ms: it takes 15 s at most, and
 * its word has to travel.
 */
export const DISMISS_MS = 20_000;

/** Names of workers that were told to leave which are kept; the oldest are forgotten. */
export const DISMISSED_MAX = 256;

/** Time for a worker to load its data and to compile, in ms. */
export const PREPARE_MS = 600_000;

/** Wait for enough workers, in ms. */
export const WORKER_WAIT_MS = 120_000;

/** Interval of heartbeats in both directions, in ms. */
export const HEARTBEAT_MS = 5_000;

/** A peer that says nothing for this long is dropped, in ms: four heartbeats. */
export const SILENCE_MS = 20_000;

/** Interval at which deadlines are looked at, in ms. */
export const TICK_MS = 250;

/** A coordinator that did not run for this long was stopped, or its machine was: deadlines are moved, in ms. */
export const AWAY_MS = 1_000;

/** Checkpoints kept in a run directory. */
export const CHECKPOINTS_KEPT = 3;

/** Largest header of a checkpoint, in bytes, as in the reference implementation of safetensors. */
export const CHECKPOINT_HEADER_BYTES_MAX = 100_000_000;

/** Interval at which the owner of a run directory touches its lock, in ms. */
export const LOCK_TOUCH_MS = 10_000;

/** A lock of another host that was not touched for this long is stale, in ms. */
export const LOCK_STALE_MS = 60_000;

/** Points of the learning curve that a status holds; above it, two become one. */
export const CURVE_POINTS_MAX = 256;

/** Steps that a rate is taken over. */
export const RATE_STEPS = 32;

/** Events that a status holds. */
export const EVENTS_KEPT = 50;

/** Interval at which the size of a run directory is looked at, in ms, while somebody asks. */
export const DISK_LOOK_MS = 10_000;

/** How long a run waits for room on a full disk before it ends, in ms. */
export const FULL_DISK_MS = 600_000;

/** Pause between two attempts to write to a full disk, in ms. */
export const FULL_DISK_RETRY_MS = 2_000;

/** Largest gradient that is written to the log, in bytes; a run with a larger one goes back to its last checkpoint. */
export const LOG_GRADIENT_BYTES_MAX = 16 * 2 ** 20;

/** Bytes of log after which a checkpoint is due: what a start may have to read and replay. */
export const LOG_BYTES_PER_CHECKPOINT = 32 * 2 ** 20;

/** Bytes that may wait for the disk before the next round does. */
export const JOURNAL_QUEUE_BYTES_MAX = 64 * 2 ** 20;

/** Longest name or reason of somebody who steers a run, in characters. */
export const STEER_TEXT_MAX = 200;

/**
 * A worker without a connection looks for its coordinator again within this time, in ms: it tries once a second.
 * So long a run that is over still tells one that comes how it ended; else it would look for minutes.
 */
export const LOOKING_MS = 2_000;
