import type { Command } from "./command.ts";
import { ablate } from "./commands/ablate.ts";
import { adapt } from "./commands/adapt.ts";
import { bench } from "./commands/bench.ts";
import { chaos } from "./commands/chaos.ts";
import { coordinator } from "./commands/coordinator.ts";
import { data } from "./commands/data.ts";
import { doctor } from "./commands/doctor.ts";
import { evaluate } from "./commands/evaluate.ts";
import { exportCommand } from "./commands/export.ts";
import { relay } from "./commands/relay.ts";
import { report } from "./commands/report.ts";
import { sim } from "./commands/sim.ts";
import { status } from "./commands/status.ts";
import { drain, pause, resume, stop } from "./commands/steer.ts";
import { token } from "./commands/token.ts";
import { train } from "./commands/train.ts";
import { verify } from "./commands/verify.ts";
import { why } from "./commands/why.ts";
import { worker } from "./commands/worker.ts";

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  train,
  coordinator,
  worker,
  relay,
  status,
  why,
  pause,
  resume,
  drain,
  stop,
  evaluate,
  ablate,
  report,
  adapt,
  exportCommand,
  verify,
  data,
  bench,
  sim,
  chaos,
  doctor,
  token,
];
