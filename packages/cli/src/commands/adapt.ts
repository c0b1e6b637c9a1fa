import { writeFile } from "node:fs/promises";
import { predictProgram, taskShapes } from "@shoal/core";
import { decodeOwnImages, exampleShapeOf, listQueries, listSupport } from "@shoal/datasets";
import { capture, compile } from "@shoal/graph";
import { learnerProtocol, openLearner, paramsFor } from "../after-training/learner.ts";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { count, percent } from "../format.ts";
import { usageError } from "../usage-error.ts";

export const adapt: Command = {
  name: "adapt",
  summary: "Adapt a checkpoint to images of your own, and predict the classes of others.",
  arguments: "<run>",
  options: ["support", "query", "inner-steps", "test-batch-norm", "out", "json"],
  overrides: {
    out: { help: "also write the predictions as csv", unset: "none" },
    "inner-steps": { help: "gradient steps on the support set", unset: "as in evaluation" },
    "test-batch-norm": {
      help: "whose statistics batch norm takes: transductive (the queries') or inductive (the support set's)",
    },
  },
  example: "shoal adapt runs/quickstart --support my/support --query my/query",
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { values, terminal } = invocation;
  if (values.support === undefined || values.query === undefined) {
    const missing = values.support === undefined ? "--support" : "--query";
    throw usageError(
      `${missing}: expected a directory of images, got none; adapt needs --support and --query`,
    );
  }
  const learner = await openLearner(invocation);
  const { dataset } = learner.experiment;
  const { classes, images: support } = await listSupport(values.support);
  const query = await listQueries(values.query, classes);
  const ways = classes.length;
  const size = { ways, support: support.files.length, query: query.files.length };
  const { example } = exampleShapeOf(dataset);
  const shapes = taskShapes({ type: "classification", ways }, example, size);
  const decodedSupport = await decodeOwnImages(support.files, dataset);
  const decodedQuery = await decodeOwnImages(query.files, dataset);
  const program = predictProgram(learner.experiment, shapes, learner.options);
  const params = paramsFor(learner, program, ways);
  const executable = await compile(capture(program.fn, ...program.specs), { device: "cpu" });
  const supportLabels = Int32Array.from(support.labels!);
  const inputs = [...params.map((param) => param.values), decodedSupport.x, supportLabels, decodedQuery.x];
  const outputs = await executable.run(inputs);
  await executable.close();
  const of = (name: string) => outputs[executable.outputs.findIndex((output) => output.name === name)]!;
  const [probabilities, predictions] = [of("probabilities"), of("predictions")];

  const rows = query.files.map((file, i) => ({
    file,
    predicted: classes[predictions[i]!]!,
    probability: probabilities[i * ways + predictions[i]!]!,
    ...(query.labels === null ? {} : { class: classes[query.labels[i]!]! }),
    probabilities: Array.from(probabilities.slice(i * ways, (i + 1) * ways)),
  }));
  terminal.line(`classes   ${classes.map((name, k) => `${name} (${shotsOf(supportLabels, k)})`).join(", ")}`);
  terminal.line(`images    ${decodedQuery.done}`);
  for (const [what, { inverted }] of [
    ["support", decodedSupport],
    ["query", decodedQuery],
  ] as const) {
    if (inverted.length > 0) {
      terminal.line(`          inverted, being light on dark: ${inverted.length} of the ${what} images`);
    }
  }
  const shots = new Set(classes.map((_, k) => shotsOf(supportLabels, k)));
  if (shots.size > 1)
    terminal.line("          the classes differ in their number of images, and weigh by it");
  terminal.line(`protocol  ${learnerProtocol(learner, size)}`);
  const width = Math.max(...rows.map(({ file }) => file.length));
  for (const row of rows) {
    const mark = row.class === undefined || row.class === row.predicted ? "" : `  wrong: ${row.class}`;
    terminal.line(`${row.file.padEnd(width)}  ${row.predicted}  ${percent(row.probability)}${mark}`);
    terminal.json({ event: "prediction", ...row });
  }
  const right = rows.filter((row) => row.class === row.predicted).length;
  if (query.labels !== null) {
    terminal.line(`accuracy  ${percent(right / rows.length)} (${count(right)} of ${count(rows.length)})`);
  }
  if (values.out !== undefined) {
    const header = [
      "file",
      "predicted",
      "probability",
      ...(query.labels === null ? [] : ["class"]),
      ...classes,
    ];
    const lines = rows.map((row) => [
      row.file,
      row.predicted,
      row.probability,
      ...(row.class === undefined ? [] : [row.class]),
      ...row.probabilities,
    ]);
    const text = [header, ...lines].map((line) => line.map(csvField).join(",")).join("\n");
    await writeFile(values.out, `${text}\n`).catch((error: Error) => {
      throw usageError(`--out: cannot write ${values.out}: ${error.message}`);
    });
  }
  terminal.json({
    event: "adapted",
    classes,
    protocol: learnerProtocol(learner, size),
    preprocessing: decodedQuery.done,
    inverted: [...decodedSupport.inverted, ...decodedQuery.inverted],
    ...(query.labels === null ? {} : { accuracy: right / rows.length }),
  });
  return EXIT.done;
}

function shotsOf(labels: Int32Array, label: number): number {
  return labels.filter((one) => one === label).length;
}

/** Quoted where a comma, a quote or a line break is in it. */
function csvField(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
