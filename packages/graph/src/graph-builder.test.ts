import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "./compile.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { type Node, topologicalOrder } from "./node.ts";
import { splatValue } from "./splat.ts";

const ops = (node: Node): string[] => topologicalOrder([node]).map(({ op }) => op);

describe("GraphBuilder", () => {
  test("makes equal expressions one node", () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input("x", 0, [2], "float32"), b.input("y", 1, [2], "float32")];
    expect(b.binary("add", x, y)).toBe(b.binary("add", y, x));
    expect(b.binary("sub", x, y)).not.toBe(b.binary("sub", y, x));
    expect(b.constant(Float32Array.of(1, 2), [2], "float32")).toBe(
      b.constant(Float32Array.of(1, 2), [2], "float32"),
    );
    expect(b.constant(Float32Array.of(1, 2), [2], "float32")).not.toBe(
      b.constant(Int32Array.of(1, 2), [2], "int32"),
    );
  });

  test("keeps every variable apart", () => {
    const b = new GraphBuilder();
    const x = b.input("x", 0, [], "float32");
    expect(b.variable(x)).not.toBe(b.variable(x));
  });

  test("keeps splats scalar through element-wise ops, reshapes and sums", () => {
    const b = new GraphBuilder();
    const two = b.splat(2, [3, 4]);
    const sum = b.reduceSum(b.reshape(b.binary("mul", two, b.splat(5, [4])), [12]), [0]);
    expect(splatValue(sum)).toBe(120);
    expect(sum.shape).toEqual([]);
  });

  test("moves a broadcast behind element-wise ops and products out of sums", () => {
    const b = new GraphBuilder();
    const x = b.input("x", 0, [1, 3], "float32");
    const wide = b.broadcast(x, [5, 3]);
    expect(ops(b.unary("exp", wide))).toEqual(["input", "exp", "broadcast"]);
    // sum over 5 equal rows is 5 x
    expect(ops(b.reduceSum(wide, [0]))).toEqual(["input", "constant", "mul", "reshape"]);
  });

  test("makes x + x, and x + (x + y), a multiple that meets what scales x", () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input("x", 0, [2], "float32"), b.input("y", 1, [2], "float32")];
    const three = b.binary("mul", x, b.splat(3));
    const double = b.binary("add", three, three);
    expect(double.inputs).toContain(x);
    expect(double.inputs.map(splatValue)).toContain(6);
    expect(b.binary("add", x, b.binary("add", y, x))).toBe(
      b.binary("add", b.binary("mul", x, b.splat(2)), y),
    );
    const n = b.input("n", 2, [2], "int32");
    expect(b.binary("add", n, n).op).toBe("add");
  });

  describe("the sum of what lies around its own mean", () => {
    const b = new GraphBuilder();
    const x = b.input("x", 0, [4, 3, 2], "float32");
    const y = b.input("y", 1, [4, 3, 2], "float32");
    /** Minus `share` times the sum of `of` over the first two axes. */
    const around = (of: Node, share = 1 / 12): Node =>
      b.binary("sub", x, b.binary("mul", b.reshape(b.reduceSum(of, [0, 1]), [1, 1, 2]), b.splat(share)));
    const sum = (z: Node, axes = [0, 1]): number | null => splatValue(b.reduceSum(z, axes));
    const perChannel = b.input("s", 2, [2], "float32");

    test("is zero, also scaled per channel, negated and added up", () => {
      const centred = around(x);
      expect(sum(centred)).toBe(0);
      expect(sum(b.unary("neg", centred))).toBe(0);
      expect(sum(b.binary("mul", centred, perChannel))).toBe(0);
      expect(sum(b.binary("add", b.binary("mul", centred, perChannel), centred))).toBe(0);
      // Only the other term is left of a sum with it.
      expect(b.reduceSum(b.binary("add", b.binary("mul", centred, perChannel), y), [0, 1])).toBe(
        b.reduceSum(y, [0, 1]),
      );
    });

    test("is not where it is another mean, another share, along other axes or weighted", () => {
      expect(sum(around(y))).toBeNull();
      expect(sum(around(x, 1 / 11))).toBeNull();
      expect(sum(around(x), [0])).toBeNull();
      expect(sum(around(x), [0, 1, 2])).toBeNull();
      expect(sum(b.binary("mul", around(x), y))).toBeNull();
      // Sides that agree, but lie otherwise: the mean of each row against each column.
      const square = b.input("q", 3, [3, 3], "float32");
      const rows = b.binary("mul", b.reduceSum(square, [1]), b.splat(1 / 3));
      expect(sum(b.binary("sub", square, b.reshape(rows, [1, 3])), [1])).toBeNull();
      expect(sum(b.binary("sub", square, b.reshape(rows, [3, 1])), [1])).toBe(0);
    });
  });

  test("merges reshapes, transposes, slices and sums", () => {
    const b = new GraphBuilder();
    const x = b.input("x", 0, [2, 3, 4], "float32");
    expect(b.reshape(b.reshape(x, [6, 4]), [2, 3, 4])).toBe(x);
    expect(b.transpose(b.transpose(x, [1, 2, 0]), [2, 0, 1])).toBe(x);
    expect(ops(b.slice(b.slice(x, [0, 1, 0], [2, 2, 4]), [0, 0, 1], [2, 1, 2]))).toEqual(["input", "slice"]);
    expect(ops(b.reduceSum(b.reduceSum(x, [0]), [1]))).toEqual(["input", "reduceSum"]);
    expect(b.slice(b.concat([x, x], 1), [0, 3, 0], [2, 3, 4])).toBe(x);
  });

  test("reads a transpose of a row as a reshape", () => {
    const b = new GraphBuilder();
    expect(ops(b.transpose(b.input("x", 0, [1, 3], "float32"), [1, 0]))).toEqual(["input", "reshape"]);
  });

  test("takes transposes into matrix products", () => {
    const b = new GraphBuilder();
    const x = b.input("x", 0, [3, 2], "float32");
    const product = b.matMul(b.transpose(x, [1, 0]), x);
    expect(ops(product)).toEqual(["input", "matMul"]);
    expect(product.shape).toEqual([2, 2]);
  });

  test("names shapes that do not fit", () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input("x", 0, [2, 3], "float32"), b.input("y", 1, [2, 4], "float32")];
    expect(() => b.binary("add", x, y)).toThrow("shapes [2,3] and [2,4] do not broadcast: 3 against 4");
    expect(() => b.matMul(x, y)).toThrow("matMul: [2,3] and [2,4] do not multiply");
    expect(() => b.reshape(x, [5])).toThrow("reshape: [2,3] does not fit [5]");
  });

  test("changes no value by simplifying: random chains against plain arithmetic", async () => {
    const step = fc.constantFrom(
      "addRow",
      "mulColumn",
      "neg",
      "double",
      "sumRows",
      "transpose",
      "reshape",
      "zero",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 8 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 6, maxLength: 6 }),
        async (steps, data) => {
          const b = new GraphBuilder();
          let node: Node = b.input("x", 0, [2, 3], "float32");
          let plain: Plain = { rows: 2, columns: 3, values: [...data] };
          for (const name of steps) {
            [node, plain] = apply(b, name, node, plain);
            // Integers below 2^40, so that float64 holds them, and what rules make of them, exactly.
            fc.pre(plain.values.every((value) => Math.abs(value) < 2 ** 40));
          }
          const graph = {
            inputs: [{ name: "x", shape: [2, 3], dtype: "float32" as const }],
            outputs: [{ name: "", shape: node.shape, dtype: node.dtype }],
            results: [node],
            largeConstants: [],
          };
          const [result] = await (await compile(graph, { device: "reference" })).run([
            Float64Array.from(data),
          ]);
          // Adding 0 makes -0 and 0 equal.
          expect(Array.from(result!, (value) => value + 0)).toEqual(plain.values.map((value) => value + 0));
        },
      ),
      { numRuns: 300 },
    );
  });
});

interface Plain {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}

/** One step of a random chain: the same on nodes and on plain numbers. */
function apply(b: GraphBuilder, step: string, node: Node, { rows, columns, values }: Plain): [Node, Plain] {
  const each = (f: (value: number, row: number, column: number) => number): Plain => ({
    rows,
    columns,
    values: values.map((value, i) => f(value, Math.floor(i / columns), i % columns)),
  });
  const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i - 1);
  switch (step) {
    case "addRow":
      return [
        b.binary("add", node, b.constant(count(columns), [columns], "float32")),
        each((value, _, j) => value + j - 1),
      ];
    case "mulColumn":
      return [
        b.binary("mul", b.constant(count(rows), [rows, 1], "float32"), node),
        each((value, i) => value * (i - 1)),
      ];
    case "subRow":
      return [
        b.binary("sub", b.constant(count(columns), [columns], "float32"), node),
        each((value, _, j) => j - 1 - value),
      ];
    case "square":
      return [b.binary("mul", node, node), each((value) => value * value)];
    case "timesSum": {
      const total = values.reduce((sum, value) => sum + value, 0);
      const sum = b.reduceSum(b.binary("mul", node, b.splat(3)), [0, 1]);
      return [b.binary("mul", sum, node), each((value) => 3 * total * value)];
    }
    case "neg":
      return [b.unary("neg", node), each((value) => -value)];
    case "double":
      return [b.binary("mul", b.splat(2, [rows, columns]), node), each((value) => 2 * value)];
    case "zero":
      return [b.binary("add", b.binary("mul", node, b.splat(0)), b.splat(1)), each(() => 1)];
    case "sumRows": {
      const sums = Array.from({ length: columns }, (_, j) =>
        values.reduce((sum, value, i) => (i % columns === j ? sum + value : sum), 0),
      );
      return [b.broadcast(b.reduceSum(node, [0]), [rows, columns]), each((_, __, j) => sums[j]!)];
    }
    case "transpose": {
      const turned = Array.from(
        { length: rows * columns },
        (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!,
      );
      return [b.transpose(node, [1, 0]), { rows: columns, columns: rows, values: turned }];
    }
    default:
      return [b.reshape(node, [columns, rows]), { rows: columns, columns: rows, values }];
  }
}
