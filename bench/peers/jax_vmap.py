"""MAML by JAX: jit of value_and_grad, vmap over the tasks. jax_map.py is the same, task after task.

    python jax_vmap.py W1 --threads 2 --seconds 20

Tried, CPU seconds per step on one thread, W1, on a machine with other work on it. XLA's convolutions are
slow on a CPU where a filter differs per task or is the result of another computation:

    over tasks   convolution             pooling by     CPU seconds
    vmap         conv_general_dilated    reduce_window  4.3
    map          conv_general_dilated    reduce_window  6.2
    Python loop  conv_general_dilated    reduce_window  0.9 (W2: more than 25)
    vmap         patches and matmul      reshape, max   0.9
    map          patches and matmul      reduce_window  0.62
    map          patches and matmul      where          0.43  kept
    Python loop  patches and matmul      where          0.49

A maximum over reshaped windows is as fast, but shares its gradient between equal elements, where max-pooling
gives it to one: with XLA's convolutions the gradient norm on W1 came out 0.6 % off.
--xla_cpu_enable_fast_math=true gained nothing.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from measure import measure
from workloads import EPSILON, LAYERS, labels


def conv4(p, x):
    for layer in range(1, LAYERS + 1):
        x = convolve(x, p[f"conv{layer}.weights"])
        x = (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2)) + EPSILON)
        x = jax.nn.relu(max_pool(x * p[f"conv{layer}.gamma"] + p[f"conv{layer}.beta"]))
    return x.reshape(x.shape[0], -1) @ p["head.weights"] + p["head.bias"]


def convolve(x, w):
    n, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    patches = jnp.concatenate(taps, -1).reshape(-1, 9 * channels)
    return (patches @ w.reshape(9 * channels, -1)).reshape(n, height, width, -1)


def max_pool(x):
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = larger(x[:, 0:height:2, :width], x[:, 1:height:2, :width])
    return larger(x[:, :, 0::2], x[:, :, 1::2])


def larger(a, b):
    """The first of equals takes all of the gradient."""
    return jnp.where(a >= b, a, b)


def cross_entropy(p, x, y):
    return -jnp.mean(jax.nn.log_softmax(conv4(p, x))[jnp.arange(len(y)), y])


def query_loss(workload, p, support, query):
    support_y, query_y = (labels(workload, workload[k]) for k in ("shots", "queries"))
    fast = p
    for _ in range(workload["steps"]):
        gradient = jax.grad(cross_entropy)(fast, support, support_y)
        if workload["order"] == 1:
            gradient = lax.stop_gradient(gradient)
        fast = {name: value - workload["step_size"] * gradient[name] for name, value in fast.items()}
    return cross_entropy(fast, query, query_y)


def by_vmap(task, p, support, query):
    return jax.vmap(task, (None, 0, 0))(p, support, query)


def prepare(workload, parameters, support, query, threads, over_tasks=by_vmap):
    # Read when JAX first computes. NPROC is the size of XLA's thread pool.
    os.environ["NPROC"] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    task = jax.value_and_grad(lambda p, s, q: query_loss(workload, p, s, q))
    batch = jax.jit(lambda *inputs: jax.tree.map(lambda v: v.mean(0), over_tasks(task, *inputs)))
    inputs = jax.tree.map(jnp.asarray, (parameters, support, query))

    def step():
        loss, gradient = batch(*inputs)
        return float(loss), [np.asarray(g) for g in gradient.values()]

    return step


if __name__ == "__main__":
    measure("jax_vmap", jax.__version__, prepare)
