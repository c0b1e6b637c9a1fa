import { type Episode, inspectProgram, type TaskSource } from "@shoal/core";
import { capture, compile } from "@shoal/graph";
import { type Learner, paramsFor } from "../after-training/learner.ts";

/** How far adaptation moved one parameter tensor, averaged over tasks. */
export interface Movement {
  readonly name: string;
  /** L2 norm of the change. */
  readonly change: number;
  /** The same over the tensor's norm before; null where that is 0. */
  readonly relative: number | null;
}

/** One task with its predictions. */
export interface InspectedTask {
  readonly episode: Episode;
  /** Before adaptation and after: float32 `[queries, classes or outputs]`. */
  readonly before: Float32Array;
  readonly after: Float32Array;
}

export interface Inspection {
  /** Tasks that the movements are averaged over: the first ones of the test split. */
  readonly taskCount: number;
  /** Empty where adaptation moves no parameter. */
  readonly movements: readonly Movement[];
  /** The first of the tasks. */
  readonly examples: readonly InspectedTask[];
}

/** Adapts to the first `taskCount` test tasks on this machine's CPU, and looks at what that changes. */
export async function inspectTasks(
  learner: Learner,
  source: TaskSource,
  { taskCount, exampleCount }: { readonly taskCount: number; readonly exampleCount: number },
): Promise<Inspection> {
  const { problem } = source;
  const program = inspectProgram(learner.experiment, source, learner.options);
  const ways = problem.type === "classification" ? problem.ways : null;
  const params = paramsFor(learner, program, ways).map(({ values }) => values);
  const executable = await compile(capture(program.fn, ...program.specs), { device: "cpu" });
  const sums = new Map<string, { change: number; relative: number; isFromZero: boolean }>();
  const examples: InspectedTask[] = [];
  try {
    for (const [place, index] of firstTasks(source, taskCount).entries()) {
      const episode = source.episode("test", index);
      const { support, query } = episode;
      const results = await executable.run([...params, support.x, support.y, query.x]);
      const valuesOf = (name: string): Float32Array =>
        results[executable.outputs.findIndex((output) => output.name === name)] as Float32Array;
      if (place < exampleCount) {
        examples.push({ episode, before: valuesOf("before"), after: valuesOf("after") });
      }
      executable.outputs.forEach(({ name }, k) => {
        if (!name.startsWith("moved/")) return;
        const values = results[k] as Float32Array;
        const param = name.slice("moved/".length);
        const sum = sums.get(param) ?? { change: 0, relative: 0, isFromZero: false };
        const [before, change] = [values[0]!, values[1]!];
        sums.set(param, {
          change: sum.change + change,
          relative: sum.relative + (before === 0 ? 0 : change / before),
          isFromZero: sum.isFromZero || before === 0,
        });
      });
    }
  } finally {
    await executable.close();
  }
  const movements = [...sums].map(([name, { change, relative, isFromZero }]) => ({
    name,
    change: change / taskCount,
    relative: isFromZero ? null : relative / taskCount,
  }));
  return { taskCount, movements, examples };
}

/** The first test tasks; where tasks have several shapes, of the largest: the program is made for one. */
function firstTasks({ variants }: TaskSource, count: number): readonly number[] {
  const indices: number[] = [];
  for (let index = 0; indices.length < count; index++) {
    if (variants === undefined || variants.of("test", index) === 0) indices.push(index);
  }
  return indices;
}
