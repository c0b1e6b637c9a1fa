"""Trains the experiment of a Shoal run in JAX, with its own episodes, and prints its accuracies as it goes.

    node packages/cli/bin/shoal.js train --preset quickstart --dataset omniglot --run-dir runs/maml
    node bench/peers/omniglot-images.mjs runs/maml omniglot-images
    python bench/peers/curves.py runs/maml omniglot-images

Same images, same split of classes, same recipe, same steps; other code, other starting parameters, other
episodes. One line of JSON for each validation, and one for the test: accuracies in % after the inner steps
of evaluation, with their 95 % interval over tasks. One thread.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from episodes import Episodes  # noqa: E402
from recipes import recipe  # noqa: E402


def rate_at(outer, step, steps):
    schedule = outer.get("schedule", {"type": "constant"})
    if schedule["type"] == "halve":
        return outer["rate"] / 2 ** (step // schedule["every"])
    if schedule["type"] == "constant":
        return outer["rate"]
    done = min(1, step / schedule.get("steps", steps))
    left = 1 - done if schedule["type"] == "linear" else (1 + np.cos(np.pi * done)) / 2
    return schedule["final"] + (outer["rate"] - schedule["final"]) * left


def multi_step_weights(algorithm, step):
    """Equal at first, then more and more of the last inner step's loss; 3 % of an equal share at the least."""
    count, length = algorithm["innerSteps"], algorithm.get("multiStepLossSteps", 0)
    each = 0 if step >= length else max(1 - step / length, 0.03) / count
    return np.array([each] * (count - 1) + [1 - (count - 1) * each], np.float32)


def outer_step(outer, rate, step, p, gradient, moments):
    """Adam (Kingma and Ba 2015) or SGD; running means move by their own gradient with rate 1."""
    moved, kept = {}, {}
    for name, g in gradient.items():
        if outer["type"] == "sgd" or name.startswith("running."):
            moved[name] = p[name] - (1 if name.startswith("running.") else rate) * g
            kept[name] = moments[name]
            continue
        m, v = moments[name]
        m = outer["beta1"] * m + (1 - outer["beta1"]) * g
        v = outer["beta2"] * v + (1 - outer["beta2"]) * g * g
        m_hat, v_hat = m / (1 - outer["beta1"] ** (step + 1)), v / (1 - outer["beta2"] ** (step + 1))
        moved[name] = p[name] - rate * m_hat / (jnp.sqrt(v_hat) + outer["epsilon"])
        kept[name] = m, v
    return moved, kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("images")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    experiment = json.loads((options.run_dir / "experiment.json").read_text())
    steps = experiment["steps"]
    algorithm, outer, evaluation = (experiment[k] for k in ("algorithm", "outer", "evaluation"))
    episodes = Episodes(options.images, experiment["dataset"], options.seed)
    train_labels, test_labels = (tuple(map(jnp.asarray, episodes.labels(s))) for s in ("train", "test"))
    learner = recipe(experiment)
    clip = experiment["clip"] or np.inf

    @jax.jit
    def train(p, moments, support, query, schedule, rate, step):
        def task(images):
            loss = lambda q: learner.loss(q, (images[0], train_labels[0]), (images[1], train_labels[1]), schedule)
            return jax.grad(loss)(p)

        gradient = jax.tree.map(lambda g: jnp.clip(g.mean(0), -clip, clip), jax.lax.map(task, (support, query)))
        return outer_step(outer, rate, step, p, gradient, moments)

    @jax.jit
    def correct(p, support, query):
        def task(images):
            logits = learner.predict(p, (images[0], test_labels[0]), images[1], evaluation["innerSteps"])
            return {k: jnp.mean(v.argmax(1) == test_labels[1]) for k, v in logits.items()}

        return jax.lax.map(task, (support, query))

    def report(p, step, split, tasks):
        right = correct(p, *episodes.batch(split, 0, tasks))
        line = {"step": step, "split": split, "tasks": tasks, "innerSteps": evaluation["innerSteps"]}
        for name, values in right.items():
            percent = 100 * np.asarray(values, np.float64)
            line[name] = [round(percent.mean(), 2), round(1.96 * percent.std(ddof=1) / np.sqrt(tasks), 2)]
        print(json.dumps(line | {"cpuMinutes": round(time.process_time() / 60, 2)}), flush=True)

    p = learner.start(jax.random.key(options.seed))
    moments = {name: (jnp.zeros_like(v), jnp.zeros_like(v)) for name, v in p.items()}
    for step in range(steps):
        support, query = episodes.batch("train", step, experiment["metaBatch"])
        schedule = {"key": jax.random.fold_in(jax.random.key(options.seed + 1), step)}
        if algorithm["type"] == "maml++":
            schedule["weights"] = multi_step_weights(algorithm, step)
        p, moments = train(p, moments, support, query, schedule, rate_at(outer, step, steps), step)
        if evaluation["every"] and (step + 1) % evaluation["every"] == 0 and step + 1 < steps:
            report(p, step + 1, "validation", evaluation["validationTasks"])
    report(p, steps, "validation", evaluation["validationTasks"])
    report(p, steps, "test", evaluation["testTasks"])


if __name__ == "__main__":
    main()
