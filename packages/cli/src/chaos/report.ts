import { count, duration, percent } from "../format.ts";
import { type FaultKind, faultKinds } from "./fault.ts";

/** What a run went through, and what came of it. */
export interface ChaosReport {
  readonly seed: number;
  readonly steps: number;
  /** Faults that happened, by kind. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Faults that nobody was there for. */
  readonly skipped: number;
  readonly ms: number;
  /** Of the quiet run; null: only its hash was given. */
  readonly quietMs: number | null;
  readonly paramsHash: string;
  readonly quietParamsHash: string;
  readonly isHashEqual: boolean;
  readonly isLedgerConsistent: boolean;
  /** What `shoal verify` finds wrong with the run directory. */
  readonly ledgerFaults: readonly string[];
  /** Tasks that are in the run's steps and evaluations. */
  readonly tasksCounted: number;
  /** Tasks of all blocks that workers finished. */
  readonly tasksComputed: number;
  /** From each start of a coordinator but the first to its first leases, in ms. */
  readonly restartMs: readonly number[];
  /** Processes that ended although nobody had ended them, and others that did what they should not. */
  readonly surprises: readonly string[];
}

export function hasHeld({ isHashEqual, isLedgerConsistent, surprises }: ChaosReport): boolean {
  return isHashEqual && isLedgerConsistent && surprises.length === 0;
}

export function describeReport(report: ChaosReport): readonly string[] {
  const { faults, skipped, steps, ms, quietMs, tasksCounted, tasksComputed, restartMs, surprises } = report;
  const kinds = (Object.keys(faultKinds) as FaultKind[]).filter((kind) => faults[kind] !== undefined);
  const total = kinds.reduce((sum, kind) => sum + faults[kind]!, 0);
  const more = quietMs === null ? "" : `; ${duration(quietMs)} without faults`;
  const inVain = tasksComputed - tasksCounted;
  return [
    `faults        ${count(total)}${skipped === 0 ? "" : `, and ${count(skipped)} that nobody was there for`}`,
    ...kinds.map((kind) => `  ${kind.padEnd(12)}${String(faults[kind]).padStart(3)}  ${faultKinds[kind]}`),
    `steps         ${count(steps)} in ${duration(ms)}${more}`,
    ...(quietMs === null ? [] : [`extra time    ${duration(Math.max(0, ms - quietMs))}`]),
    `tasks         ${count(tasksCounted)} count, ${count(tasksComputed)} were computed: ` +
      `${count(inVain)} twice or in vain (${percent(inVain / tasksCounted)})`,
    ...(restartMs.length === 0
      ? []
      : [`restarts      of the coordinator, to its first leases: ${restartMs.map(seconds).join(", ")}`]),
    `hash equal    ${report.isHashEqual ? `yes: ${report.paramsHash}` : `NO: ${report.paramsHash}, the quiet run has ${report.quietParamsHash}`}`,
    `ledger        ${report.isLedgerConsistent ? "consistent: yes, every block counted once" : `consistent: NO: ${report.ledgerFaults.join("; ")}`}`,
    ...surprises.map((surprise) => `surprise      ${surprise}`),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
