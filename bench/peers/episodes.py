"""Episodes of Omniglot from a split's classes, by NumPy: independent of Shoal's sampler and its random numbers."""

import json
from pathlib import Path

import numpy as np

# Apart from Shoal's: the curves are to agree in distribution, not in numbers.
STREAMS = {"train": 11, "validation": 12, "test": 13}


class Episodes:
    """`directory` is what omniglot-images.mjs wrote, `dataset` the section of an experiment."""

    def __init__(self, directory, dataset, seed):
        images = np.fromfile(Path(directory) / "images.u8", np.uint8).reshape(-1, 20, 28, 28)
        self.images = images.astype(np.float32)[..., None] / 255
        self.split = {k: np.array(v) for k, v in json.loads((Path(directory) / "split.json").read_text()).items()}
        self.dataset = dataset
        self.seed = seed

    def batch(self, split, index, tasks):
        """Support and query images, float32 [tasks, ways * n, 28, 28, 1], label after label: see `labels`."""
        rng = np.random.default_rng([self.seed, STREAMS[split], index])
        drawn = [self._draw(rng, split) for _ in range(tasks)]
        return tuple(np.stack(part) for part in zip(*drawn))

    def counts(self, split):
        """Support and query examples per class."""
        if split == "train":
            return self.dataset.get("trainShots", self.dataset["shots"]), self.dataset["queries"]
        return self.dataset["shots"], self.dataset["evaluationQueries"]

    def labels(self, split):
        return tuple(np.repeat(np.arange(self.dataset["ways"]), n) for n in self.counts(split))

    def _draw(self, rng, split):
        shots, queries = self.counts(split)
        support, query = [], []
        for character in rng.choice(self.split[split], self.dataset["ways"], replace=False):
            images = self.images[character][rng.permutation(20)[: shots + queries]]
            if self.dataset["rotations"]:
                images = np.rot90(images, rng.integers(4), (1, 2))
            support.append(images[:shots])
            query.append(images[shots:])
        return np.concatenate(support), np.concatenate(query)
