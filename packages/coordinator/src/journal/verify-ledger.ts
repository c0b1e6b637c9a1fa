import { createHash } from "node:crypto";
import { blockLeaves } from "@shoal/core/outer";
import {
  LEDGER_ROOT,
  type LedgerLine,
  type LedgerRound,
  type LedgerStart,
  parseLedgerLine,
} from "./ledger.ts";

/** What a ledger proves, and what is wrong with it. */
export interface VerifiedLedger {
  readonly starts: readonly LedgerStart[];
  /** The rounds that count, by number: of several of one number, the one of the latest start. */
  readonly rounds: ReadonlyMap<number, LedgerRound>;
  /** Every round line, those that a later start took back included, by `incarnation number`. */
  readonly all: ReadonlyMap<string, LedgerRound>;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Checks a ledger by itself: every line is whole and follows the line before; incarnations rise; no round
 * is counted twice by one start; and the blocks of each cover its leaves exactly once.
 */
export function verifyLedger(text: string): VerifiedLedger {
  const faults: string[] = [];
  const notes: string[] = [];
  const starts: LedgerStart[] = [];
  const rounds = new Map<number, LedgerRound>();
  const all = new Map<string, LedgerRound>();
  const texts = text.split("\n");
  // What follows the last newline is a line on its way, or one that a crash has cut off.
  if (texts.pop() !== "") notes.push("the last line is not finished; the next start makes it again");
  const damaged: number[] = [];
  let previous: string | null = LEDGER_ROOT;
  for (const [i, lineText] of texts.entries()) {
    const at = `line ${i + 1}`;
    const line = parseLedgerLine(lineText);
    if (line === null) {
      damaged.push(i + 1);
      previous = null;
      continue;
    }
    if (previous !== null && line.previous !== previous) {
      faults.push(`${at} does not follow the line before: one was removed, or put in`);
    }
    previous = line.hash;
    const fault =
      line.type === "start" ? takeStart(line, starts) : takeRound(line, starts, rounds, all, notes);
    if (fault !== null) faults.push(`${at}: ${fault}`);
  }
  if (damaged.length > 0) {
    const lines = `line${damaged.length === 1 ? "" : "s"} ${ranges(damaged)}`;
    faults.unshift(`${lines}: damaged, the hash is not that of the content`);
  }
  return { starts, rounds, all, faults, notes };
}

/** `2, 4-7, 12`. */
function ranges(numbers: readonly number[]): string {
  const starts = numbers.filter((number, i) => numbers[i - 1] !== number - 1);
  const ends = numbers.filter((number, i) => numbers[i + 1] !== number + 1);
  return starts.map((start, i) => (start === ends[i] ? `${start}` : `${start}-${ends[i]}`)).join(", ");
}

function takeStart(line: LedgerLine & LedgerStart, starts: LedgerStart[]): string | null {
  const before = starts.at(-1);
  starts.push(line);
  if (before === undefined || line.incarnation > before.incarnation) return null;
  return `start ${line.incarnation} came after start ${before.incarnation}: incarnations have to rise`;
}

function takeRound(
  line: LedgerLine & LedgerRound,
  starts: readonly LedgerStart[],
  rounds: Map<number, LedgerRound>,
  all: Map<string, LedgerRound>,
  notes: string[],
): string | null {
  const name = nameOf(line);
  const key = `${line.incarnation} ${line.round}`;
  if (all.has(key)) return `${name} counted twice in start ${line.incarnation}`;
  all.set(key, line);
  const newest = starts.at(-1)?.incarnation ?? 0;
  // A start writes down what the one before had committed, and a crash kept from the ledger.
  if (line.incarnation > newest) return `${name} is of start ${line.incarnation}, which no line names`;
  const before = rounds.get(line.round);
  rounds.set(line.round, line);
  if (before !== undefined) {
    const same =
      before.paramsHash === line.paramsHash ? "the same bits" : "other bits: another kind of device";
    notes.push(`${name} was computed by starts ${before.incarnation} and ${line.incarnation}, to ${same}`);
  }
  return coverageFault(line);
}

/** Why the blocks of a round are not its leaves, each once; null: they are. */
function coverageFault(line: LedgerRound): string | null {
  const { leaves, blocks } = line;
  const counted = new Uint8Array(leaves);
  for (const [level, index] of blocks) {
    const { first, count } = blockLeaves({ level, index }, leaves);
    if (count === 0) return `block ${level}/${index} of ${nameOf(line)} lies behind its ${leaves} leaves`;
    for (let leaf = first; leaf < first + count; leaf++) {
      if (counted[leaf] === 1) return `leaf ${leaf} of ${nameOf(line)} counted twice`;
      counted[leaf] = 1;
    }
  }
  const missing = counted.indexOf(0);
  return missing < 0 ? null : `leaf ${missing} of ${nameOf(line)} did not count`;
}

/** `step 58`, `the validation of step 50`. */
export function nameOf({ purpose, version }: Pick<LedgerRound, "purpose" | "version">): string {
  return purpose === "train" ? `step ${version + 1}` : `the ${purpose} of step ${version}`;
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
