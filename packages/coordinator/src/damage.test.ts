import { paramsHash } from "@shoal/core/outer";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Finding, recoverRun } from "./journal/recover-run.ts";
import { plan, RUN_PATH, startDurableRun } from "./testing/durable-run.ts";
import { MemoryDisk } from "./testing/memory-disk.ts";
import { hashesAlone } from "./testing/simulated-run.ts";
import { type VerifiedRun, verifyRun } from "./verify-run.ts";

type Files = ReadonlyMap<string, Buffer>;

const hashes = hashesAlone();
const LOG = `${RUN_PATH}/log/step-000000004-start-0001.log`;
const LEDGER = `${RUN_PATH}/ledger.jsonl`;
const METRICS = `${RUN_PATH}/metrics.jsonl`;

/** A run that was killed behind step 5: checkpoints of steps 0, 2 and 4, the last step in the log alone. */
let killed: Files;
/** The same run at its end. */
let whole: Files;

beforeAll(async () => {
  const disk = new MemoryDisk();
  const { outcome } = await startDurableRun({
    disk,
    onEvent: (event, run) => {
      if (event.type === "step" && event.step === 5) run.fail("E_TEST", "as if killed");
    },
  });
  await outcome;
  const files = new Map(disk.survivors({ type: "killed" }));
  for (const name of ["step-000000005.json", "step-000000005.safetensors"])
    files.delete(`${RUN_PATH}/checkpoints/${name}`);
  // The checkpoint at the end has pushed the first one out; the log from step 0 went with it.
  killed = files;
  const untilEnd = new MemoryDisk();
  await (await startDurableRun({ disk: untilEnd })).outcome;
  whole = untilEnd.survivors({ type: "killed" });
});

function changed(files: Files, path: string, change: (bytes: Buffer) => Buffer): Files {
  const before = files.get(path);
  if (before === undefined) throw new Error(`no ${path} among ${[...files.keys()].join(", ")}`);
  return new Map(files).set(path, change(Buffer.from(before)));
}

const flip =
  (at: number, bit = 0) =>
  (bytes: Buffer): Buffer => {
    bytes[at % bytes.length]! ^= 1 << bit;
    return bytes;
  };

interface Outcome {
  readonly step: number;
  readonly findings: readonly Finding[];
  readonly disk: MemoryDisk;
}

/** Recovers, and expects a committed step. */
async function recover(files: Files): Promise<Outcome> {
  const disk = new MemoryDisk(null, undefined, files);
  const findings: Finding[] = [];
  const options = { disk, path: RUN_PATH, outerOf: () => plan.outer };
  const { checkpoint } = await recoverRun({ ...options, onFinding: (finding) => findings.push(finding) });
  expect(paramsHash(checkpoint.params)).toBe(hashes[checkpoint.step]);
  return { step: checkpoint.step, findings, disk };
}

const verify = (files: Files): Promise<VerifiedRun> =>
  verifyRun(RUN_PATH, { disk: new MemoryDisk(null, undefined, files), outerOf: () => plan.outer });

const faultsOf = ({ checks }: VerifiedRun): string[] =>
  checks.filter(({ outcome }) => outcome === "fault").map(({ name, detail }) => `${name}: ${detail}`);

describe("a run that was killed", () => {
  test("is recovered at its last step, from the checkpoint before and the log", async () => {
    expect(await recover(killed)).toMatchObject({ step: 5, findings: [] });
  });

  test("with its log cut off at any byte is recovered at the last step that is whole, and it is told", async () => {
    const length = killed.get(LOG)!.length;
    const steps = new Set<number>();
    for (let bytes = 0; bytes < length; bytes++) {
      const { step, findings } = await recover(changed(killed, LOG, (log) => log.subarray(0, bytes)));
      steps.add(step);
      if (findings.length === 0) continue;
      expect(findings, `${bytes} bytes`).toMatchObject([{ path: LOG }]);
      expect(findings[0]!.message).toContain("its last record is cut off");
    }
    expect([...steps]).toEqual([4]);
  });

  test("with any bit of its log flipped is recovered at a committed step, and it is told", async () => {
    const arbitrary = fc.tuple(fc.nat(killed.get(LOG)!.length - 1), fc.integer({ min: 0, max: 7 }));
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([at, bit]) => {
        const { step, findings, disk } = await recover(changed(killed, LOG, flip(at, bit)));
        expect([4, 5]).toContain(step);
        expect(findings.length).toBeGreaterThan(0);
        // What is damaged stays to be looked at.
        expect([...disk.files.keys()].some((path) => path.startsWith(LOG))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test.each(["json", "safetensors"])(
    "with a damaged %s of its checkpoint goes on from the one before",
    async (kind) => {
      const base = `${RUN_PATH}/checkpoints/step-000000004`;
      const { step, findings, disk } = await recover(changed(killed, `${base}.${kind}`, flip(150)));
      // The log leads from step 2 to step 5.
      expect(step).toBe(5);
      expect(findings).toMatchObject([{ path: `${base}.json` }]);
      expect(findings[0]!.message).toMatch(/is damaged.*; the one before is used/);
      const names = [...disk.files.keys()].filter((path) => path.startsWith(base)).sort();
      expect(names).toEqual([`${base}.json.damaged`, `${base}.safetensors.damaged`]);
    },
  );

  test("without its ledger's last lines gets them again from the log", async () => {
    const { disk } = await recover(changed(killed, LEDGER, (bytes) => bytes.subarray(0, bytes.length - 400)));
    const { isConsistent } = await verifyRun(RUN_PATH, { disk, outerOf: () => plan.outer });
    expect(isConsistent).toBe(true);
  });
});

describe("a run directory that is whole", () => {
  test("is verified to its last step", async () => {
    const verified = await verify(whole);
    expect(verified).toMatchObject({
      isConsistent: true,
      starts: 1,
      step: plan.steps,
      paramsHash: hashes[plan.steps],
    });
    expect(verified.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      "checkpoints ok",
      "log ok",
      "ledger ok",
      "metrics ok",
      "experiment ok",
    ]);
  });
});

describe("what is wrong with a run directory is named", () => {
  const step3 = /"purpose":"train","version":2/;
  const lineOf = (text: string, pattern: RegExp): string =>
    text.split("\n").find((line) => pattern.test(line))!;
  const edit =
    (change: (text: string) => string) =>
    (bytes: Buffer): Buffer =>
      Buffer.from(change(bytes.toString()));

  test.each<[string, string, (bytes: Buffer) => Buffer, RegExp]>([
    [
      "a ledger line that was changed",
      LEDGER,
      edit((text) => text.replace('"w1"', '"w7"')),
      /ledger: line 2: damaged/,
    ],
    [
      "a ledger line that was removed",
      LEDGER,
      edit((text) => text.replace(`${lineOf(text, step3)}\n`, "")),
      /ledger: line \d+ does not follow the line before[\s\S]*ledger: step 3 is missing/,
    ],
    [
      "a ledger line that is there twice",
      LEDGER,
      edit((text) => text.replace(lineOf(text, step3), (line) => `${line}\n${line}`)),
      /ledger: line \d+: step 3 counted twice in start 1/,
    ],
    [
      "a metric that was changed",
      METRICS,
      edit((text) => text.replace(/"step":3,"tasks":26,"loss":0/, '"step":3,"tasks":26,"loss":9')),
      /metrics: the line of step 3 is missing, or not the one that the ledger names/,
    ],
    [
      "a metric that is there twice",
      METRICS,
      edit((text) => text.replace(lineOf(text, /"step":3,/), (line) => `${line}\n${line}`)),
      /metrics: the line of step 3 is there 2 times/,
    ],
    [
      "another experiment",
      `${RUN_PATH}/experiment.json`,
      edit((text) => text.replace("made-up", "made-down")),
      /experiment: experiment.json is not the one that start 1 ran/,
    ],
    [
      "a damaged checkpoint",
      `${RUN_PATH}/checkpoints/step-000000006.safetensors`,
      flip(300),
      /checkpoints: .*step-000000006\.safetensors is damaged or cut off/,
    ],
    ["a damaged log", LOG, flip(2_000), /log: .*step-000000004-start-0001\.log: is damaged at byte \d+/],
  ])("%s", async (_, path, change, expected) => {
    const verified = await verify(changed(whole, path, change));
    expect(verified.isConsistent).toBe(false);
    expect(faultsOf(verified).join("\n")).toMatch(expected);
  });

  test("a missing ledger", async () => {
    const files = new Map(whole);
    files.delete(LEDGER);
    expect(faultsOf(await verify(files))).toEqual(["ledger: ledger.jsonl is missing"]);
  });

  test("a directory without a run", async () => {
    await expect(verify(new Map([["/other/file", Buffer.alloc(0)]]))).rejects.toMatchObject({
      code: "E_RUN_DIRECTORY",
      message: `${RUN_PATH}: expected a run directory, found no run.json in it`,
    });
  });
});

test("any bit that is flipped in the log, the ledger or a checkpoint is found", async () => {
  const paths = [...whole.keys()].filter((path) => /log\/|ledger|\.safetensors/.test(path));
  const arbitrary = fc.tuple(fc.constantFrom(...paths), fc.nat(), fc.integer({ min: 0, max: 7 }));
  await fc.assert(
    fc.asyncProperty(arbitrary, async ([path, at, bit]) => {
      const { checks } = await verify(changed(whole, path, flip(at, bit)));
      // A damaged last record, or last line, looks as if it had never been finished.
      expect(checks.some(({ outcome }) => outcome !== "ok")).toBe(true);
    }),
    { numRuns: 300 },
  );
});
