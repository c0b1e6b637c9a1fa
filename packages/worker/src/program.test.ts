import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experimentSchema, initialParams, trainProgram } from "@shoal/core";
import { ReductionTree } from "@shoal/core/outer";
import { capture, compile } from "@shoal/graph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BlockJob, taskShapes } from "./block-job.ts";
import { assertFits, Program } from "./program.ts";
import { lineExperiment, lineSource, programOptions } from "./test-line-experiment.ts";

const shared = (values: Float32Array): SharedArrayBuffer => {
  const buffer = new SharedArrayBuffer(values.byteLength);
  new Float32Array(buffer).set(values);
  return buffer;
};

describe("Program", () => {
  let program: Program;
  let params: Float32Array;

  beforeAll(async () => {
    program = await Program.open({ ...programOptions, devices: [{ name: "cpu", threads: 2 }] });
    params = initialParams(experimentSchema.parse(lineExperiment), await lineSource());
  });
  afterAll(() => program.close());

  const job = async (
    firstEpisode: number,
    taskCount: number,
    kind: "train" | "evaluate" = "train",
  ): Promise<BlockJob> => ({
    kind,
    split: kind === "train" ? "train" : "test",
    version: 0,
    params: shared(params),
    episodes: await program.buildEpisodes({
      split: kind === "train" ? "train" : "test",
      firstEpisode,
      taskCount,
    }),
    leafCount: taskCount,
  });

  test("knows its data and its model", () => {
    expect(program.dataHash).toBe("lines-1");
    expect(program.paramCount).toBe(params.length);
  });

  test("computes the tree sum of its leaves, with the bits of a graph run here", async () => {
    const source = await lineSource();
    const experiment = experimentSchema.parse(lineExperiment);
    const shapes = taskShapes({
      problem: source.problem,
      specs: {
        train: source.spec("train"),
        validation: source.spec("validation"),
        test: source.spec("test"),
      },
    });
    const leaf = trainProgram(experiment, shapes);
    const executable = await compile(capture(leaf.fn, ...leaf.specs), { device: "cpu" });
    const views = leaf.layout.entries.map(({ offset, size }) => params.subarray(offset, offset + size));
    const tree = new ReductionTree(3, params.length);
    const losses: number[] = [];
    for (let task = 0; task < 3; task++) {
      const { support, query } = source.episode("train", 4 + task);
      const [stats, ...gradients] = await executable.run([...views, support.x, support.y, query.x, query.y]);
      losses.push(stats![0]!);
      const flat = new Float32Array(params.length);
      leaf.layout.entries.forEach(({ offset }, k) => {
        flat.set(gradients[k] as Float32Array, offset);
      });
      tree.add({ level: 0, index: task }, flat);
    }
    const result = await program.compute(await job(4, 3));
    expect(result.taskCount).toBe(3);
    expect(Array.from(result.body.subarray(0, 3))).toEqual(losses);
    expect(result.body.subarray(3)).toEqual(tree.root());
    await executable.close();
  });

  test("gives the same bits on every thread and in every run", async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => job(0, 4)));
    const bodies = await Promise.all(jobs.map(async (one) => (await program.compute(one)).body));
    for (const body of bodies) expect(body).toEqual(bodies[0]);
  });

  test("evaluates: statistics of every inner step, and no gradient", async () => {
    const { body, statCount } = await program.compute(await job(0, 5, "evaluate"));
    expect(statCount).toBe(4);
    expect(body.length).toBe(5 * 4);
    // Three gradient steps on y = a x lower the loss of every task.
    for (let task = 0; task < 5; task++) expect(body[task * 4 + 3]).toBeLessThan(body[task * 4]!);
  });

  test("names what is wrong with the data or the experiment", async () => {
    const options = programOptions;
    await expect(Program.open({ ...options, taskSourceOptions: { fail: true } })).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
      message: "data: expected lines, found none",
    });
    const conv4 = {
      type: "conv4",
      filters: 2,
      downsampling: "stride",
      batchNorm: "none",
      head: "glorot",
    };
    const images = {
      ...lineExperiment,
      dataset: { source: "glyphs", ways: 5, shots: 1, queries: 1, evaluationQueries: 1, rotations: false },
    };
    await expect(Program.open({ ...options, experiment: { ...images, model: conv4 } })).rejects.toMatchObject(
      { code: "E_EXPERIMENT" },
    );
  });
});

test("a block whose episodes have several shapes is the tree sum of its leaves, one by one", async () => {
  const program = await Program.open({ ...programOptions, taskSourceOptions: { variants: true } });
  try {
    const params = shared(initialParams(experimentSchema.parse(lineExperiment), await lineSource()));
    const bodyOf = async (firstEpisode: number, taskCount: number): Promise<Float32Array> => {
      const episodes = await program.buildEpisodes({ split: "train", firstEpisode, taskCount });
      const job = { kind: "train", split: "train", version: 0, params, episodes } as const;
      return (await program.compute({ ...job, leafCount: taskCount })).body;
    };
    const block = await bodyOf(0, 6);
    const tree = new ReductionTree(6, program.paramCount);
    for (let index = 0; index < 6; index++) {
      const [loss, ...gradient] = await bodyOf(index, 1);
      expect(block[index]).toBe(loss);
      tree.add({ level: 0, index }, Float32Array.from(gradient));
    }
    expect(block.subarray(6)).toEqual(tree.root());
  } finally {
    await program.close();
  }
});

describe("compiled graphs on disk", () => {
  let directory: string;
  const events: string[] = [];
  const open = (): Promise<Program> =>
    Program.open({
      ...programOptions,
      devices: [{ name: "cpu", threads: 2 }],
      graphCache: { directory, onEvent: ({ type }) => events.push(type) },
    });
  const bodyOf = async (program: Program): Promise<Float32Array> => {
    const params = initialParams(experimentSchema.parse(lineExperiment), await lineSource());
    const request = { split: "train", firstEpisode: 0, taskCount: 4 } as const;
    const episodes = await program.buildEpisodes(request);
    const job = { kind: "train", split: "train", version: 0, params: shared(params), episodes } as const;
    const { body } = await program.compute({ ...job, leafCount: 4 });
    await program.close();
    return body;
  };
  const graphs = async (): Promise<string[]> => (await readdir(directory)).sort();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "shoal-program-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("are written once by all threads, give the same bits, and are made anew where they are damaged", async () => {
    const cold = await bodyOf(await open());
    const names = await graphs();
    expect(names).toHaveLength(2);
    expect(await bodyOf(await open())).toEqual(cold);
    expect(events).toEqual([]);
    const damaged = join(directory, names[0]!);
    const whole = await readFile(damaged);
    await writeFile(damaged, whole.subarray(0, whole.length / 2));
    expect(await bodyOf(await open())).toEqual(cold);
    expect(events).toEqual(["graph-cache-rejected"]);
    expect(await readFile(damaged)).toEqual(whole);
  });

  test("serve processes that start at the same time", async () => {
    const [one, two] = await Promise.all([open(), open()]);
    expect(await bodyOf(one)).toEqual(await bodyOf(two));
    expect(await graphs()).toHaveLength(2);
  });

  test("are shared by experiments that differ in what no graph depends on, and by no others", async () => {
    const graphsAfter = async (experiment: object): Promise<number> => {
      const graphCache = { directory };
      await (await Program.open({ ...programOptions, experiment, graphCache })).close();
      return (await graphs()).length;
    };
    expect(await graphsAfter({ ...lineExperiment, metaBatch: 16, steps: 9, name: "other" })).toBe(2);
    const { algorithm } = lineExperiment;
    // The inner rate is a constant of both graphs.
    const faster = { ...lineExperiment, algorithm: { ...algorithm, innerRate: 0.06 } };
    expect(await graphsAfter(faster)).toBe(4);
  });
});

test("a program that will need more memory than is free is refused before its first block", () => {
  const need = { memoryBytes: 3 * 2 ** 20, slots: 2 };
  expect(() => assertFits(need, 3 * 2 ** 20)).not.toThrow();
  expect(() => assertFits(need, 2 ** 20)).toThrow(
    expect.objectContaining({
      code: "E_MEMORY",
      message: expect.stringContaining("2 threads will need about 3 MiB, 1 MiB are free; lower the threads"),
    }),
  );
});
