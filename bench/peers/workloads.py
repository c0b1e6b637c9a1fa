"""The benchmark workloads: their table, starting parameters and random episodes, float32 numpy.

    python workloads.py W1 w1.f32

writes what the peers start from, for an implementation in another language: little-endian float32, the
parameters in the order of parameter_shapes, then for each task its support images and its query images.
"""

import sys

import numpy as np

OMNIGLOT = dict(image=(28, 28, 1), filters=64, shots=1, queries=1)

# `tasks` per meta-step; `steps` inner steps of `step_size`; `order` 1 or 2.
WORKLOADS = {
    "W1": dict(OMNIGLOT, ways=5, tasks=32, steps=1, step_size=0.4, order=2),
    "W1-fo": dict(OMNIGLOT, ways=5, tasks=32, steps=1, step_size=0.4, order=1),
    "W1-20way": dict(OMNIGLOT, ways=20, tasks=16, steps=5, step_size=0.1, order=2),
    "W2": dict(
        image=(84, 84, 3), filters=32, ways=5, shots=5, queries=15, tasks=4, steps=5, step_size=0.01, order=2
    ),
}

LAYERS = 4
EPSILON = 1e-3
SEED = 1


def parameter_shapes(workload):
    """Name to shape, in declaration order. Filters are [height, width, in, out], the head [in, out]."""
    height, width, channels = workload["image"]
    filters = workload["filters"]
    shapes = {}
    for layer in range(1, LAYERS + 1):
        shapes[f"conv{layer}.weights"] = (3, 3, channels, filters)
        shapes[f"conv{layer}.gamma"] = (filters,)
        shapes[f"conv{layer}.beta"] = (filters,)
        channels, height, width = filters, height // 2, width // 2
    shapes["head.weights"] = (height * width * filters, workload["ways"])
    shapes["head.bias"] = (workload["ways"],)
    return shapes


def random_parameters(workload, seed=SEED):
    """Glorot-uniform weights, gammas of 1, betas and biases of 0."""
    rng = np.random.default_rng([seed, 0])
    parameters = {}
    for name, shape in parameter_shapes(workload).items():
        if name.endswith("weights"):
            area = int(np.prod(shape[:-2]))
            bound = np.sqrt(6 / (area * (shape[-2] + shape[-1])))
            parameters[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
        else:
            parameters[name] = np.full(shape, 1 if name.endswith("gamma") else 0, np.float32)
    return parameters


def random_episodes(workload, seed=SEED):
    """A class is a random image, an instance adds as much noise again.

    Returns support [tasks, ways * shots, height, width, channels] and query [tasks, ways * queries, ...].
    Images of a class follow one another: see `labels`.
    """
    rng = np.random.default_rng([seed, 1])
    ways, shots, queries, image = (workload[k] for k in ("ways", "shots", "queries", "image"))
    support, query = [], []
    for _ in range(workload["tasks"]):
        prototypes = rng.standard_normal((ways, 1, *image), np.float32)
        images = prototypes + rng.standard_normal((ways, shots + queries, *image), np.float32)
        support.append(images[:, :shots].reshape(-1, *image))
        query.append(images[:, shots:].reshape(-1, *image))
    return np.stack(support), np.stack(query)


def labels(workload, per_class):
    return np.repeat(np.arange(workload["ways"]), per_class)


def main():
    name, path = sys.argv[1:]
    workload = WORKLOADS[name]
    support, query = random_episodes(workload)
    with open(path, "wb") as file:
        for values in random_parameters(workload).values():
            values.astype("<f4").tofile(file)
        for task in range(workload["tasks"]):
            support[task].astype("<f4").tofile(file)
            query[task].astype("<f4").tofile(file)


if __name__ == "__main__":
    main()
