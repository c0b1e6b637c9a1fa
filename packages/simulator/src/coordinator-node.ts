import {
  type Checkpoint,
  type Evaluation,
  type Outcome,
  Run,
  RunDirectory,
  type TrainPlan,
} from "@shoal/coordinator";
import { createRandom } from "@shoal/core/outer";
import { type Machine, NetworkCard } from "./machine.ts";
import { initialParams, layout, statNames } from "./made-up-work.ts";
import type { Network } from "./network.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { Watcher } from "./watcher.ts";
import { describeMessage } from "./worker-node.ts";
import type { World } from "./world.ts";

export interface CoordinatorNodeOptions {
  readonly world: World;
  readonly network: Network;
  readonly disk: SimulatedDisk;
  readonly watcher: Watcher;
  readonly seed: number;
  readonly plan: TrainPlan;
  readonly workersMin: number;
  readonly hedge: boolean;
  /** Names of workers that are broken for good. */
  readonly broken: ReadonlySet<string>;
  readonly clockRate: number;
  readonly bytesPerMs: number;
}

const RUN_DIRECTORY = "/run";

/** Pause before a coordinator that ended without completing the run is started again, in ms. */
const RESTART_MS = 2_000;

/** Why a run may end before it is complete, so that somebody has to start it again. */
const RESTARTABLE: ReadonlySet<string> = new Set([
  "ENOSPC",
  "E_DISK",
  "E_CHECKPOINT_WRITE",
  "E_RUN_DIRECTORY",
]);

/** A machine with a coordinator that somebody starts again whenever it ends before the run does. */
export class CoordinatorNode {
  readonly #options: CoordinatorNodeOptions;
  readonly #card: NetworkCard;
  #machine: Machine | null = null;
  #run: Run | null = null;
  #startCount = 0;
  #isArranged = false;
  outcome: Outcome | null = null;

  constructor(options: CoordinatorNodeOptions) {
    this.#options = options;
    this.#card = new NetworkCard(options.bytesPerMs);
  }

  get process(): SimulatedProcess | null {
    return this.#machine?.process ?? null;
  }

  /** The run of the process under way, if there is one. */
  get run(): Run | null {
    return this.#machine?.process.isAlive === true ? this.#run : null;
  }

  get startCount(): number {
    return this.#startCount;
  }

  start(): void {
    const { world, watcher, seed, clockRate } = this.#options;
    this.#isArranged = false;
    if (this.outcome !== null || this.#machine?.process.isAlive === true) return;
    const random = createRandom(seed, 30, ++this.#startCount);
    const process = new SimulatedProcess({
      world,
      name: "coordinator",
      clockStartMs: 1000 * random.uniform(),
      clockRate,
      onException: (error) => watcher.violate(`the coordinator died of ${(error as Error).stack}`),
    });
    const machine: Machine = { process, card: this.#card };
    this.#machine = machine;
    this.#run = null;
    world.note("coordinator", () => `starts (${this.#startCount}.)`);
    process.run(() => {
      this.#work(machine).catch((error: Error) => {
        if (!process.isAlive) return;
        const code = "code" in error ? String(error.code) : "E_BUG";
        world.note("coordinator", () => `cannot start: ${error.message}`);
        if (!RESTARTABLE.has(code)) watcher.violate(`the coordinator cannot start: ${error.stack}`);
        this.#exit(RESTART_MS);
      });
    });
  }

  /** Ends at once, and is started again. `isSaid`: the kernel tells the other side. */
  kill(restartMs: number, isSaid: boolean): void {
    if (this.#machine?.process.isAlive !== true) return;
    this.#machine.process.kill();
    this.#options.network.hangUp(null, isSaid);
    this.#startLater(restartMs);
  }

  /** Its machine loses power. */
  losePower(restartMs: number): void {
    if (this.#machine?.process.isAlive !== true) return;
    this.kill(restartMs, false);
    this.#options.disk.losePower();
  }

  /** What `shoal train` does: open or resume the run directory, run the plan, write the summary. */
  async #work(machine: Machine): Promise<void> {
    const { world, watcher, network, disk: simulatedDisk, plan, workersMin } = this.#options;
    const { clock } = machine.process;
    const disk = simulatedDisk.viewOf(machine.process);
    const resume = (await disk.find(`${RUN_DIRECTORY}/run.json`)) !== null;
    const experiment = { name: "made-up" };
    const options = { resume, runId: "run", experiment };
    const runDirectory = await RunDirectory.open(RUN_DIRECTORY, options, disk, clock);
    const isSaved = await runDirectory.hasBegun();
    await runDirectory.writeExperiment(experiment);
    const before = isSaved
      ? await runDirectory.recover(
          () => plan.outer,
          ({ path, message }) => world.note("coordinator", () => `finds ${path}: ${message}`),
        )
      : null;
    const start: Checkpoint = before?.checkpoint ?? {
      runId: runDirectory.runId,
      step: 0,
      params: initialParams,
      optimizer: plan.outer.init(layout.size),
      layout,
      dataHash: "made-up",
      experiment,
    };
    if (before === null) await runDirectory.save(start);
    watcher.coordinatorStarted(start.step);
    const run = new Run({
      experiment,
      runId: runDirectory.runId,
      incarnation: runDirectory.incarnation,
      layout,
      dataHash: "made-up",
      start: {
        ...start,
        evaluations: (before?.metrics ?? []).flatMap(evaluationOf),
      },
      plan,
      statNames,
      runDirectory,
      workersMin,
      hedge: this.#options.hedge,
      clock,
      onEvent: (event) => watcher.coordinatorEvent(event),
    });
    this.#run = run;
    network.listen({
      machine,
      attach: (connection) => run.attach(connection),
      tapFor: (worker) => ({
        onSend: (message) => {
          world.note("coordinator", () => `says to ${worker}: ${describeMessage(message)}`);
          watcher.coordinatorSays(message);
        },
        onBytes: (bytes) => watcher.bytesDown(bytes),
      }),
    });
    const outcome = await run.start();
    world.note("coordinator", () => `ended: ${outcome.type} ${outcome.message ?? ""}`);
    await runDirectory.writeSummary(outcome).catch(() => {
      // A full disk: it is said on the terminal, and nothing depends on it.
    });
    await runDirectory.close();
    const { broken } = this.#options;
    // Where only broken workers are left, a block fails wherever it goes, and a person has to look.
    const isLost = outcome.code === "E_BLOCK" && broken.size > 0 && !watcher.isReadyBeside(broken);
    const mayGoOn = isLost || outcome.type === "stopped" || RESTARTABLE.has(outcome.code ?? "");
    if (!mayGoOn) this.outcome = outcome;
    this.#exit(RESTART_MS);
  }

  #exit(restartMs: number): void {
    this.#machine?.process.kill();
    this.#options.network.hangUp(null, true);
    this.#startLater(restartMs);
  }

  #startLater(ms: number): void {
    if (this.#isArranged) return;
    this.#isArranged = true;
    this.#options.world.after(ms, () => this.start());
  }
}

function evaluationOf(metric: unknown): readonly Evaluation[] {
  if (typeof metric !== "object" || metric === null || !("type" in metric)) return [];
  if (metric.type !== "evaluation") return [];
  const { purpose, split, step, tasks, stats } = metric as unknown as Evaluation;
  return [{ purpose, split, step, tasks, stats }];
}
