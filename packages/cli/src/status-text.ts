import type { Status } from "@shoal/coordinator";
import { bytes, count, duration, percent } from "./format.ts";

/** Events that are shown. */
const EVENTS = 8;

/** A status for people: one line per fact. */
export function statusText(status: Status): string {
  const { run, disk, traffic, results } = status;
  const evaluation = status.evaluations.at(-1);
  const lines = [
    `${run.experiment}: ${run.state}, ${progressText(status.progress)}`,
    `  ${figuresText(status.progress)}`,
    ...(evaluation === undefined ? [] : [`  ${evaluationText(evaluation)}`]),
    ...section("workers", status.workers.map(workerText), "none"),
    ...section("rounds", status.rounds.map(roundText), "none"),
    ...section(
      "waits",
      status.waits.map(({ text }) => text),
      "nothing is waited for",
    ),
    ...section("last events", status.events.slice(-EVENTS).map(eventText), "none"),
    `  results  ${Object.entries(results)
      .map(([answer, n]) => `${count(n)} ${answer}`)
      .join(", ")}`,
    `  traffic  ${bytes(traffic.receivedBytes)} in, ${bytes(traffic.sentBytes)} out`,
    `  run      ${run.id}, start ${run.incarnation}${
      run.directory === null ? "" : `, in ${run.directory}`
    }${disk === null ? "" : ` (${bytes(disk.runBytes)}; ${bytes(disk.freeBytes)} left on the disk)`}`,
  ];
  return lines.join("\n");
}

function progressText({ step, steps, stepsPerSecond, remainingMs }: Status["progress"]): string {
  const parts = [`step ${count(step)} of ${count(steps)}`];
  if (stepsPerSecond !== null) parts.push(rateText(stepsPerSecond));
  if (remainingMs !== null && remainingMs > 0) parts.push(`${duration(remainingMs)} left`);
  return parts.join(", ");
}

/** `2.3 steps/s`, or `14.0 s per step` where one takes longer than a second. */
function rateText(stepsPerSecond: number): string {
  return stepsPerSecond >= 1
    ? `${stepsPerSecond.toFixed(1)} steps/s`
    : `${duration(1000 / Math.max(1e-9, stepsPerSecond))} per step`;
}

function figuresText({ loss, accuracy, tasksPerSecond, coordinatorShare }: Status["progress"]): string {
  const parts: string[] = [];
  if (loss !== null) parts.push(`loss ${loss.toFixed(3)}`);
  if (accuracy !== null) parts.push(`accuracy ${(100 * accuracy).toFixed(1)} %`);
  if (tasksPerSecond !== null) parts.push(`${tasksPerSecond.toFixed(0)} tasks/s`);
  if (coordinatorShare !== null) parts.push(`coordinator ${percent(coordinatorShare)} of a step`);
  return parts.length === 0 ? "no step yet" : parts.join("  ");
}

/** The statistics after the last inner step, `accuracy@3` and `loss@3`. */
function evaluationText({ purpose, step, tasks, stats }: Status["evaluations"][number]): string {
  const last = new Map(
    Object.entries(stats).map(([name, interval]) => [name.replace(/@.*$/, ""), { name, ...interval }]),
  );
  const figures = [...last.values()].map(
    ({ name, mean, ci95 }) => `${name} ${mean.toFixed(3)} +- ${ci95.toFixed(3)}`,
  );
  return `${purpose} of step ${count(step)} over ${count(tasks)} tasks: ${figures.join("  ")}`;
}

type Worker = Status["workers"][number];

function workerText(worker: Worker): string {
  const { name, state, slots, device, tasksPerSecond, blocksLeased, blocksDone, silentMs, version, wait } =
    worker;
  const parts = [`${name}  ${state}`];
  if (slots !== null) parts.push(`${slots} thread${slots === 1 ? "" : "s"} on ${device}`);
  if (tasksPerSecond !== null) parts.push(`${tasksPerSecond.toFixed(1)} tasks/s`);
  if (wait !== null) parts.push(waitText(wait));
  parts.push(
    `${blocksLeased} blocks now, ${count(blocksDone)} done`,
    `heard ${duration(silentMs)} ago`,
    `shoal ${version}`,
  );
  return parts.join("  ");
}

/** What a worker says that it waits for. */
const waitedFor: { readonly [kind: string]: string } = {
  data: "opens its data",
  graphs: "compiles its graphs",
  workers: "gathers its workers",
  parameters: "waits for the parameters",
  lease: "waits for a lease",
};

function waitText({ for: kind, waitedMs, remainingMs }: NonNullable<Worker["wait"]>): string {
  const until = remainingMs === null ? "" : `, for another ${duration(Math.max(0, remainingMs))}`;
  return `${waitedFor[kind] ?? `waits for ${kind}`}: ${duration(waitedMs)} so far${until}`;
}

function roundText({ purpose, version, tasks, blocks }: Status["rounds"][number]): string {
  const { total, done, leased, open } = blocks;
  const title = purpose === "train" ? `step ${count(version + 1)}` : `${purpose} of step ${count(version)}`;
  return `${title}: ${count(tasks)} tasks in ${total} blocks: ${done} done, ${leased} leased, ${open} open`;
}

function eventText({ at, level, type, ...fields }: Status["events"][number]): string {
  const values = Object.entries(fields).map(([name, value]) => {
    const rounded = typeof value === "number" ? Math.round(1000 * value) / 1000 : value;
    return `${name}=${JSON.stringify(rounded)}`;
  });
  return `${at.slice(11, 19)} ${level.padEnd(5)} ${type}  ${values.join(" ").slice(0, 160)}`;
}

function section(title: string, lines: readonly string[], otherwise: string): string[] {
  if (lines.length === 0) return [`  ${title.padEnd(8)} ${otherwise}`];
  return [`  ${title}`, ...lines.map((line) => `    ${line}`)];
}
