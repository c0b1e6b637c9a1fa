"""Meta-gradients of single tasks in float64 by JAX: what src/meta-gradient.test.ts compares against.

Nothing here is shared with Shoal's own code: the networks are the textbook's (convolution, batch norm,
ReLU, pool, in that order), derivatives are JAX's. Parameters and episodes come from an integer hash that
the test repeats.

A gradient of 100,000 numbers is kept as PROJECTIONS sums with random signs per tensor. For independent
signs the mean square of such a sum is the squared length of what is summed, so the relative error of a
gradient is estimated from the projections of the difference, with no element left out.

    pip install jax && python meta_gradients.py > meta-gradients.csv      # about two minutes

Columns: case, task, tensor ("loss" for the mean query loss after adapting), values.
"""

import numpy as np

import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)

PROJECTIONS = 4
PARAMETERS, CELLS, FLIPS, NOISE, SIGNS, SINES = range(6)

CONV4 = dict(side=28, ways=5, shots=1, queries=1, scale=1.0)
CASES = {
    # Workload W1, both orders.
    "maxpool-64": dict(CONV4, filters=64, pool=True, norm="affine", steps=1, rate=0.4, order=2, tasks=8),
    "maxpool-64-first-order": dict(CONV4, filters=64, pool=True, norm="affine", steps=1, rate=0.4, order=1, tasks=8),
    # The preset omniglot-5w1s: the loss summed over five ways, a shift outside of the inner loop.
    "stride-64-paper": dict(CONV4, filters=64, pool=False, norm="outer-shift", steps=1, rate=0.4, order=2, tasks=8, scale=5.0),
    # Three steps, five shots.
    "maxpool-32-3-step-5-shot": dict(CONV4, filters=32, pool=True, norm="affine", steps=3, rate=0.1, order=2, tasks=24, shots=5, queries=3),
    "stride-32-3-step-5-shot": dict(CONV4, filters=32, pool=False, norm="affine", steps=3, rate=0.1, order=2, tasks=24, shots=5, queries=3),
    # The preset sinusoid, with five steps.
    # Which part adapts; a learned rate for every element; the walk of ordinary training.
    "anil-stride-32": dict(CONV4, filters=32, pool=False, norm="affine", steps=3, rate=0.1, order=2, tasks=8, adapts="head"),
    "boil-stride-32": dict(CONV4, filters=32, pool=False, norm="affine", steps=1, rate=0.1, order=2, tasks=8, adapts="body"),
    "meta-sgd-stride-32": dict(CONV4, filters=32, pool=False, norm="affine", steps=1, rates=True, order=2, tasks=8),
    "reptile-sgd": dict(hidden=[40, 40], shots=10, queries=10, steps=5, rate=0.01, tasks=4, scale=1.0, walk="sgd"),
    "reptile-adam": dict(hidden=[40, 40], shots=10, queries=10, steps=5, rate=0.001, tasks=4, scale=1.0, walk="adam"),
    "sinusoid-5-step": dict(hidden=[40, 40], shots=10, queries=10, steps=5, rate=0.01, order=2, tasks=8, scale=1.0),
}


def finalize(h):
    """MurmurHash3's 32-bit finalizer."""
    h = np.asarray(h, np.uint32)
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    return h ^ (h >> 16)


def bits(*coordinates):
    """32 bits for each combination of integer coordinates (which broadcast)."""
    with np.errstate(over="ignore"):
        h = np.uint32(0)
        for c in coordinates:
            h = finalize(h ^ (np.asarray(c, np.uint32) + np.uint32(0x9E3779B9)))
    return h


def uniform(*coordinates):
    """Uniform in [0, 1): a multiple of 2^-24, exact in float32."""
    return (bits(*coordinates) >> 8) / 2.0**24


def conv4_shapes(c):
    shapes, channels = {}, 1
    for layer in range(1, 5):
        shapes[f"conv{layer}.weights"] = (3, 3, channels, c["filters"])
        if c["norm"] == "affine":
            shapes[f"conv{layer}.gamma"] = (c["filters"],)
        shapes[f"conv{layer}.beta"] = (c["filters"],)
        channels = c["filters"]
    shapes["head.weights"] = (c["filters"], c["ways"])
    shapes["head.bias"] = (c["ways"],)
    return shapes


def mlp_shapes(c):
    widths = [1, *c["hidden"], 1]
    shapes = {}
    for i, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        shapes[f"dense{i + 1}.weights"] = (fan_in, fan_out)
        shapes[f"dense{i + 1}.bias"] = (fan_out,)
    return shapes


def parameters(shapes):
    """Weights of Glorot's size; gammas from -0.2 to 1.8 and biases from -0.3 to 0.3; rounded to float32."""
    result = {}
    for k, (name, shape) in enumerate(shapes.items()):
        u = uniform(PARAMETERS, k, np.arange(int(np.prod(shape)))).reshape(shape)
        if name.startswith("rate."):
            value = 0.2 * u
        elif name.endswith("weights"):
            area = int(np.prod(shape[:-2]))
            value = np.sqrt(6 / (area * (shape[-2] + shape[-1]))) * (2 * u - 1)
        else:
            value = 2 * u - 0.2 if name.endswith("gamma") else 0.6 * u - 0.3
        result[name] = jnp.asarray(value.astype(np.float32), jnp.float64)
    return result


def images(c, task, first, per_class):
    """A class is 7x7 cells, an instance turns an eighth of them over and adds noise: [ways * per_class, 28, 28, 1]."""
    way, instance = np.repeat(np.arange(c["ways"]), per_class), np.tile(np.arange(per_class), c["ways"]) + first
    way, instance = way[:, None, None], instance[:, None, None]
    row, column = np.arange(28)[None, :, None], np.arange(28)[None, None, :]
    cell = row // 4 * 7 + column // 4
    ink = (bits(CELLS, task, way, cell) & 1) ^ (uniform(FLIPS, task, way, instance, cell) < 0.125)
    noise = uniform(NOISE, task, way, instance, row * 28 + column)
    x = np.where(ink == 1, 1 - noise / 4, noise / 4).astype(np.float32)
    return jnp.asarray(x[..., None], jnp.float64), jnp.asarray(np.repeat(np.arange(c["ways"]), per_class))


def sines(c, task, first, count):
    """Amplitude 0.1 to 5, phase 0 to 3, x from -5 to 5; a cubic stands for the sine, which engines round differently."""
    amplitude, phase = 0.1 + 4.9 * uniform(SINES, task, 0), 3 * uniform(SINES, task, 1)
    x = (10 * uniform(SINES, task, 2 + first + np.arange(count)) - 5).astype(np.float32).astype(np.float64)
    t = (x - phase) / 4
    y = (amplitude * (t - t * t * t)).astype(np.float32)
    return jnp.asarray(x[:, None]), jnp.asarray(y[:, None], jnp.float64)


def conv4(c, p, x):
    for layer in range(1, 5):
        stride = (1, 1) if c["pool"] else (2, 2)
        x = lax.conv_general_dilated(x, p[f"conv{layer}.weights"], stride, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-3)
        x = jax.nn.relu(x * p.get(f"conv{layer}.gamma", 1.0) + p[f"conv{layer}.beta"])
        if c["pool"]:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(x.shape[0], -1) if c["pool"] else x.mean((1, 2))
    return x @ p["head.weights"] + p["head.bias"]


def mlp(c, p, x):
    layers = len(c["hidden"]) + 1
    for i in range(1, layers + 1):
        x = x @ p[f"dense{i}.weights"] + p[f"dense{i}.bias"]
        x = jax.nn.relu(x) if i < layers else x
    return x


def mean_loss(c, p, x, y):
    if "hidden" in c:
        return jnp.mean((mlp(c, p, x) - y) ** 2)
    return -jnp.mean(jax.nn.log_softmax(conv4(c, p, x))[jnp.arange(len(y)), y])


def is_fixed(c, name):
    if name.startswith("rate."):
        return True
    if "adapts" in c:
        return name.startswith("head") != (c["adapts"] == "head")
    return c.get("norm") == "outer-shift" and name.endswith("beta")


def query_loss(c, p, support, query):
    fixed = {name: value for name, value in p.items() if is_fixed(c, name)}
    fast = {name: value for name, value in p.items() if name not in fixed}
    for _ in range(c["steps"]):
        g = jax.grad(lambda q: c["scale"] * mean_loss(c, {**q, **fixed}, *support))(fast)
        if c["order"] == 1:
            g = lax.stop_gradient(g)
        rate = lambda name: p[f"rate.{name}"] if "rates" in c else np.float64(np.float32(c["rate"]))
        fast = {name: value - rate(name) * g[name] for name, value in fast.items()}
    return mean_loss(c, {**fast, **fixed}, *query)


def walk(c, p, support, query):
    """Reptile: the query loss where the walk ends, and the way back from there."""
    q, v = dict(p), {name: 0.0 for name in p}
    for t in range(1, c["steps"] + 1):
        g = jax.grad(lambda q: mean_loss(c, q, *support))(q)
        if c["walk"] == "adam":  # beta1 = 0, Kingma and Ba's Algorithm 1
            v = {name: 0.999 * v[name] + 0.001 * g[name] ** 2 for name in q}
            g = {name: g[name] / (jnp.sqrt(v[name] / (1 - 0.999**t)) + 1e-8) for name in q}
        q = {name: q[name] - c["rate"] * g[name] for name in q}
    return mean_loss(c, q, *query), {name: p[name] - q[name] for name in p}


def main():
    for case, c in CASES.items():
        is_mlp = "hidden" in c
        shapes = mlp_shapes(c) if is_mlp else conv4_shapes(c)
        if "rates" in c:
            shapes |= {f"rate.{name}": shape for name, shape in shapes.items()}
        p = parameters(shapes)
        draw = sines if is_mlp else images
        step = jax.jit((lambda p, s, q: walk(c, p, s, q)) if "walk" in c else jax.value_and_grad(lambda p, s, q: query_loss(c, p, s, q)))
        for task in range(c["tasks"]):
            loss, gradient = step(p, draw(c, task, 0, c["shots"]), draw(c, task, c["shots"], c["queries"]))
            print(f"{case},{task},loss,{float(loss):.17g}")
            # In declaration order: jit sorts the names.
            for k, name in enumerate(p):
                g = np.asarray(gradient[name]).ravel() * c["scale"]
                signs = 1.0 - 2.0 * (bits(SIGNS, k, np.arange(PROJECTIONS)[:, None], np.arange(g.size)) & 1)
                print(f"{case},{task},{name},{','.join(f'{v:.17g}' for v in signs @ g)}")


main()
