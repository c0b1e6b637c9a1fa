import type { Experiment } from "../experiment.ts";
import { parseExperiment } from "../experiment.ts";
import { ShoalError } from "../outer/shoal-error.ts";
import type { AlgorithmConfig } from "./registry.ts";

/** One run of an ablation. */
export interface AblationRow {
  /** `maml`, `maml+learned-rates`, `maml++`, `maml++-without-learned-rates`. */
  readonly name: string;
  readonly experiment: Experiment;
}

type PlusPlus = Extract<AlgorithmConfig, { type: "maml++" }>;
type Draft = Experiment & { readonly algorithm: PlusPlus };

/** The parts of MAML++, in the order of the paper, and how an experiment looks with and without each. */
const parts: readonly { readonly name: string; set(draft: Draft, isOn: boolean): Draft }[] = [
  {
    // 10 of 100 epochs
    name: "multi-step-loss",
    set: (draft, isOn) => change(draft, { multiStepLossSteps: isOn ? Math.ceil(draft.steps / 10) : 0 }),
  },
  {
    // 50 of 150 epochs
    name: "first-order-at-first",
    set: (draft, isOn) => change(draft, { firstOrderSteps: isOn ? Math.ceil(draft.steps / 3) : 0 }),
  },
  { name: "norm-statistics", set: (draft, isOn) => change(draft, { perStepStatistics: isOn }) },
  { name: "norm-weights", set: (draft, isOn) => change(draft, { perStepNormWeights: isOn }) },
  { name: "learned-rates", set: (draft, isOn) => change(draft, { learnedRates: isOn }) },
  {
    name: "cosine",
    set: (draft, isOn) => {
      const { schedule: _, ...outer } = draft.outer;
      return { ...draft, outer: isOn ? { ...outer, schedule: { type: "cosine", final: 1e-5 } } : outer };
    },
  },
];

/**
 * The runs that tell what each part of MAML++ does: MAML, MAML with each part alone, MAML++ with all of them,
 * and MAML++ without each. They differ in nothing else.
 *
 * The two annealings take the shares of the run that they have in the paper, whatever its length: a tenth
 * for the multi-step loss, a third for first order.
 *
 * @throws {ShoalError} E_EXPERIMENT if the algorithm is another, or the run has no steps
 * @see Antoniou et al. 2019, tables 1 and 2
 */
export function ablation(experiment: Experiment): readonly AblationRow[] {
  const { algorithm } = experiment;
  if (algorithm.type !== "maml++") {
    throw new ShoalError("E_EXPERIMENT", `algorithm: expected maml++, got ${algorithm.type}`);
  }
  if (experiment.steps < 1) {
    throw new ShoalError("E_EXPERIMENT", `steps: expected at least 1, got ${experiment.steps}`);
  }
  const all = (isOn: boolean): Draft =>
    parts.reduce<Draft>((draft, part) => part.set(draft, isOn), { ...experiment, algorithm });
  const [none, every] = [all(false), all(true)];
  const rows: readonly (readonly [string, Draft])[] = [
    ["maml", none],
    ...parts.map(({ name, set }) => [`maml+${name}`, set(none, true)] as const),
    ["maml++", every],
    ...parts.map(({ name, set }) => [`maml++-without-${name}`, set(every, false)] as const),
  ];
  return rows.map(([name, draft]) => ({ name, experiment: parseExperiment({ ...draft, name }) }));
}

function change(draft: Draft, fields: Partial<PlusPlus>): Draft {
  return { ...draft, algorithm: { ...draft.algorithm, ...fields } };
}
