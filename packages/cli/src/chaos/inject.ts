import { duration } from "../format.ts";
import type { CoordinatorSeat } from "./coordinator-seat.ts";
import type { Fault } from "./fault.ts";
import type { WorkerSlot } from "./worker-slot.ts";

/** The processes of a run. */
export interface Cast {
  readonly coordinator: CoordinatorSeat;
  readonly workers: readonly WorkerSlot[];
}

/** What became of a fault. */
export type Injected =
  | {
      readonly type: "done";
      /** For people, in one line. */
      readonly text: string;
      /** Resolves when what was ended is started again, and what was held goes on. */
      readonly over: Promise<void>;
    }
  /** There is nobody that it could happen to now. */
  | { readonly type: "nobody"; readonly text: string };

/** Lets a fault happen to the worker that it names, or to the next that is there for it. */
export function inject(
  fault: Fault,
  { coordinator, workers }: Cast,
  onFailure: (text: string) => void,
): Injected {
  if (fault.kind === "coordinator") {
    if (!coordinator.isLeasing) return { type: "nobody", text: "the coordinator is not back yet" };
    const text = `the coordinator (process ${coordinator.pid}); again in ${duration(fault.restartMs)} on ${fault.port === "same" ? "the same port" : "any port"}`;
    return { type: "done", text, over: coordinator.kill(fault.restartMs, fault.port) };
  }
  const order = workers.map((_, i) => workers[(fault.worker + i) % workers.length]!);
  const slot = order.find((worker) => isThereFor(fault, worker));
  if (slot === undefined) return { type: "nobody", text: "no worker is there for it" };
  const { name, pid } = slot;
  switch (fault.kind) {
    case "kill": {
      const text = `${name} (process ${pid}); again in ${duration(fault.restartMs)}`;
      return { type: "done", text, over: slot.kill(fault.restartMs) };
    }
    case "term": {
      const leave = async (): Promise<void> => {
        if (!(await slot.term(fault.restartMs))) onFailure(`${name} did not leave when it was told to`);
      };
      return { type: "done", text: `${name} (process ${pid}) is told to leave`, over: leave() };
    }
    case "stop": {
      const text = `${name} (process ${pid}) for ${duration(fault.ms)}`;
      return { type: "done", text, over: slot.stop(fault.ms) };
    }
    case "cut":
      slot.proxy!.cut(fault.how);
      return {
        type: "done",
        text: `${name}'s connection${fault.how === "reset" ? ", reset" : ""}`,
        over: Promise.resolve(),
      };
    case "stall":
      return {
        type: "done",
        text: `${name}'s connection for ${duration(fault.ms)}`,
        over: slot.proxy!.stall(fault.ms),
      };
    case "delay": {
      const text = `${name}'s connection, by ${duration(fault.delayMs)} for ${duration(fault.ms)}`;
      return { type: "done", text, over: slot.proxy!.delay(fault.ms, fault.delayMs) };
    }
    case "corrupt": {
      slot.proxy!.corrupt(fault.direction, fault.bit);
      const where = fault.direction === "up" ? `from ${name}` : `to ${name}`;
      return { type: "done", text: `a bit of the next data ${where}`, over: Promise.resolve() };
    }
  }
}

function isThereFor({ kind }: Fault, { state, proxy }: WorkerSlot): boolean {
  switch (kind) {
    case "kill":
      return state === "working" || state === "starting";
    case "stop":
    case "term":
      return state === "working";
    default:
      return state === "working" && proxy?.isConnected === true;
  }
}
