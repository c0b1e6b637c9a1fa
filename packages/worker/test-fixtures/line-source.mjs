// A task source for tests, in plain JavaScript because threads load it: lines y = a x with a slope per task. With
// `variants`, every third episode has one support example less.
export async function openTaskSource(experiment, options) {
  if (options.fail)
    throw Object.assign(new Error("data: expected lines, found none"), { code: "E_DATASET_MISSING" });
  const { shots, queries } = experiment.dataset;
  const spec = (n) => ({ x: { shape: [n, 1], dtype: "float32" }, y: { shape: [n, 1], dtype: "float32" } });
  const examples = (n, slope, shift) => {
    const x = Float32Array.from({ length: n }, (_, i) => (i + shift) / n - 0.5);
    return { x, y: x.map((value) => slope * value) };
  };
  const specOf = (fewer) => ({ support: spec(shots - fewer), query: spec(queries) });
  const variants = { specs: () => [specOf(0), specOf(1)], of: (_, index) => (index % 3 === 2 ? 1 : 0) };
  return {
    name: "lines",
    problem: { type: "regression", outputs: 1 },
    dataHash: options.dataHash ?? "lines-1",
    description: "lines through the origin",
    spec: () => specOf(0),
    ...(options.variants ? { variants } : {}),
    episode: (split, index) => {
      const slope = ((index * 7919) % 13) - 6 + (split === "train" ? 0 : 0.5);
      const support = options.variants ? shots - variants.of(split, index) : shots;
      return { support: examples(support, slope, 0), query: examples(queries, slope, 0.25) };
    },
  };
}
