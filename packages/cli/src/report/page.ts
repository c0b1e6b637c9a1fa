import type { Evaluation } from "@shoal/coordinator";
import { algorithmOf, type Experiment } from "@shoal/core";
import { scoreText } from "../evaluation-text.ts";
import { count, duration, percent } from "../format.ts";
import type { Inspection } from "./inspect-tasks.ts";
import { escapeText, table } from "./markup.ts";

/** All that a page tells. */
export interface ReportContent {
  readonly title: string;
  readonly experiment: Experiment;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** The protocol line of the tests. */
  readonly protocol: string;
  readonly before: Evaluation | undefined;
  readonly after: Evaluation | undefined;
  /** SVG; null: nothing is recorded. */
  readonly curve: string | null;
  readonly inspection: Inspection;
  /** What the run directory does not tell, one sentence each. */
  readonly missing: readonly string[];
  /** HTML of each of the inspection's examples. */
  readonly examples: readonly string[];
}

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } h4 { margin: .6rem 0 .2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
tr > th:first-child { font-weight: 500 } td { overflow-wrap: anywhere }
.images { display: flex; flex-wrap: wrap; gap: .7rem } figure { margin: 0; font-size: .78rem }
figure img { width: 72px; height: 72px; image-rendering: pixelated; border: 1px solid var(--line); display: block }
.right { color: light-dark(#00704f, #2fc79a) } .wrong { color: light-dark(#b04a00, #f58a4b) }
svg { max-width: 100%; height: auto } .plot { overflow-x: auto } .plot svg { min-width: 26rem } .missing { border-left: 3px solid #d55e00; padding-left: .8rem }
td:has(> .bar) { white-space: nowrap } .bar { display: inline-block; height: .7em; background: #0072b2; margin-right: .5em }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .8rem; font-size: .8rem }`;

/** One page that needs nothing beside itself. */
export function reportPage(content: ReportContent): string {
  const { title, experiment, protocol } = content;
  const { algorithm } = experiment;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeText(title)}</title><style>${style}</style></head><body>
<h1>${escapeText(title)}</h1>
<p>${escapeText(algorithmOf(algorithm).describe(algorithm))}</p>
<p><strong>Protocol:</strong> ${escapeText(protocol)}</p>
${missingNote(content.missing)}<h2>${metricName(content)} after each inner step</h2>
${steps(content)}${parts(content)}
<h2>Learning curve</h2>
${content.curve === null ? "<p>No step is recorded.</p>" : `<div class="plot">${content.curve}</div>`}
<h2>What adaptation changes</h2>
${movements(content.inspection)}
<h2>Tasks${content.inspection.movements.length === 0 ? "" : ", before and after adaptation"}</h2>
${content.examples.length > 0 && hasClasses(content) ? "<p>Under each query: its class; then the predicted class, and its probability.</p>" : ""}
${content.examples.map((example, i) => `<h3>test task ${i}</h3>${example}`).join("") || "<p>These tasks have nothing to draw.</p>"}
<h2>The run</h2>
${table([["", ""], ...content.facts.map(([name, value]) => [escapeText(name), escapeText(value)])])}
<h2>Experiment</h2>
<pre>${escapeText(JSON.stringify(experiment, null, 2))}</pre>
</body></html>
`;
}

function missingNote(missing: readonly string[]): string {
  if (missing.length === 0) return "";
  return `<div class="missing"><strong>Not told by this page:</strong> ${missing.map(escapeText).join("; ")}.</div>\n`;
}

function hasClasses({ before, after }: ReportContent): boolean {
  return [before, after].some((evaluation) => evaluation?.stats["accuracy@0"] !== undefined);
}

function metricName(content: ReportContent): string {
  if ((content.before ?? content.after) === undefined) return "Score";
  return hasClasses(content) ? "Accuracy" : "Loss";
}

/** Mean and interval after each inner step, before training and after it. */
function steps({ experiment, before, after }: ReportContent): string {
  if (before === undefined && after === undefined) return "<p>No test is recorded.</p>";
  const { innerSteps } = experiment.evaluation;
  const evaluations = [
    ["before training", before],
    ["after training", after],
  ] as const;
  const told = evaluations.flatMap(([name, evaluation]) => {
    if (evaluation === undefined) return [];
    const prefixes = Object.keys(evaluation.stats).some((stat) => stat.startsWith("inductive-"))
      ? ["", "inductive-"]
      : [""];
    return prefixes.map((prefix) => ({
      name: prefix === "" ? name : `${name}, inductive`,
      prefix,
      stats: evaluation.stats,
    }));
  });
  const rows = Array.from({ length: innerSteps + 1 }, (_, step) => [
    String(step),
    ...told.map(({ stats, prefix }) => {
      const accuracy = stats[`${prefix}accuracy@${step}`];
      const loss = stats[`${prefix}loss@${step}`];
      if (accuracy !== undefined) return `${percent(accuracy.mean)} ± ${(100 * accuracy.ci95).toFixed(2)}`;
      return loss === undefined ? "" : `${loss.mean.toPrecision(4)} ± ${loss.ci95.toPrecision(2)}`;
    }),
  ]);
  return table([["inner steps", ...told.map(({ name }) => name)], ...rows]);
}

/** The score of each source of a mixture, before training and after it; nothing for other data. */
function parts({ experiment, before, after }: ReportContent): string {
  const names = Object.keys(after?.parts ?? before?.parts ?? {});
  if (names.length === 0) return "";
  const cell = (evaluation: Evaluation | undefined, name: string): string => {
    const part = evaluation?.parts?.[name];
    return part === undefined ? "" : escapeText(`${scoreText(experiment, part)}, ${count(part.tasks)} tasks`);
  };
  const rows = names.map((name) => [escapeText(name), cell(before, name), cell(after, name)]);
  return `\n<h3>By data set</h3>${table([["data set", "before training", "after training"], ...rows])}`;
}

/** Relative L2 change per tensor, with a bar as long as it. */
function movements({ movements: moved, taskCount }: Inspection): string {
  if (moved.length === 0) return "<p>Adaptation moves no parameter: the learner compares embeddings.</p>";
  const longest = Math.max(...moved.map(({ relative }) => relative ?? 0), Number.MIN_VALUE);
  const rows = moved.map(({ name, change, relative }) => [
    escapeText(name),
    relative === null
      ? "starts at 0"
      : `<span class="bar" style="width:${((8 * relative) / longest).toFixed(2)}em"></span>${percent(relative)}`,
    change.toPrecision(3),
  ]);
  return `<p>L2 norm of the change of each tensor in all inner steps, mean over the first ${count(taskCount)} test tasks.</p>${table(
    [["tensor", "relative to its norm", "norm of the change"], ...rows],
  )}`;
}

/** `34.4 s`. */
export function secondsText(seconds: number): string {
  return duration(1000 * seconds);
}
