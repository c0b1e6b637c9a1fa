"""The algorithms of curves.py in JAX, from their papers: networks, inner loops and meta-losses of one task.

A recipe has `start(key)`, the parameters that the outer step moves; `loss(p, support, query, schedule)`, what
it differentiates for a task; and `predict(p, support, x, steps)`, the logits of a task's queries after so many
inner steps, by whose statistics batch norm goes. `support` and `query` are images [n, 28, 28, 1] and labels [n].
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

LAYERS = ("conv1", "conv2", "conv3", "conv4")
EPSILON = 1e-3


def conv4_parameters(model, ways, key):
    filters, keys = model["filters"], iter(jax.random.split(key, 5))
    p, channels = {}, 1
    for layer in LAYERS:
        bound = np.sqrt(6 / (9 * (channels + filters)))
        p[f"{layer}.weights"] = jax.random.uniform(next(keys), (9 * channels, filters), minval=-bound, maxval=bound)
        if model["batchNorm"] == "affine":
            p[f"{layer}.gamma"] = jnp.ones(filters)
        if model["batchNorm"] != "none":
            p[f"{layer}.beta"] = jnp.zeros(filters)
        channels = filters
    # Max-pooling leaves 28, 14, 7, 3, 1 pixels: flattening them is the mean over space that strides end with.
    bound = np.sqrt(6 / (filters + ways))
    p["head.weights"] = (
        jax.random.normal(next(keys), (filters, ways))
        if model["head"] == "normal"
        else jax.random.uniform(next(keys), (filters, ways), minval=-bound, maxval=bound)
    )
    p["head.bias"] = jnp.zeros(ways)
    return p


def features(model, p, x, statistics=None):
    """Features [n, filters], and the batch's mean and variance of each layer; `statistics` normalize instead."""
    pools = model["downsampling"] == "maxpool"
    seen = {}
    for layer in LAYERS:
        x = convolve(x, p[f"{layer}.weights"], 1 if pools else 2)
        seen[layer] = x.mean((0, 1, 2)), x.var((0, 1, 2))
        mean, variance = (seen if statistics is None else statistics)[layer]
        x = (x - mean) * lax.rsqrt(variance + EPSILON)
        x = x * p.get(f"{layer}.gamma", 1) + p.get(f"{layer}.beta", 0)
        x = jax.nn.relu(max_pool(x) if pools else x)
    return x.mean((1, 2)), seen


def convolve(x, w, stride):
    """3x3, SAME as TensorFlow has it: with stride 2 on an even side, the odd column is padded at the end."""
    n, side, _, channels = x.shape
    out = -(-side // stride)
    padding = (out - 1) * stride + 3 - side
    before = padding // 2
    padded = jnp.pad(x, ((0, 0), (before, padding - before), (before, padding - before), (0, 0)))
    end = (out - 1) * stride + 1
    taps = [padded[:, i : i + end : stride, j : j + end : stride] for i in range(3) for j in range(3)]
    return (jnp.concatenate(taps, -1).reshape(-1, 9 * channels) @ w).reshape(n, out, out, -1)


def max_pool(x):
    side = x.shape[1] // 2 * 2
    x = larger(x[:, 0:side:2, :side], x[:, 1:side:2, :side])
    return larger(x[:, :, 0::2], x[:, :, 1::2])


def larger(a, b):
    """The first of equals takes all of the gradient."""
    return jnp.where(a >= b, a, b)


def cross_entropy(logits, y):
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(y)), y])


def recipe(experiment):
    makers = {"protonet": ProtoNet, "reptile": Reptile, "maml++": PlusPlus}
    return makers.get(experiment["algorithm"]["type"], InnerLoop)(experiment)


class InnerLoop:
    """MAML and its relatives: FOMAML, ANIL (the head alone), Meta-SGD (a learned rate for every element)."""

    def __init__(self, experiment):
        self.model, self.algorithm = experiment["model"], experiment["algorithm"]
        self.ways = experiment["dataset"]["ways"]
        assert self.algorithm["type"] in ("maml", "fomaml", "anil", "meta-sgd"), self.algorithm["type"]
        self.first_order = self.algorithm["type"] == "fomaml" or self.algorithm.get("order") == 1
        self.scale = self.ways if self.algorithm["lossReduction"] == "sum-over-ways" else 1

    def start(self, key):
        p = conv4_parameters(self.model, self.ways, key)
        if self.algorithm["type"] != "meta-sgd":
            return p
        rate = self.algorithm["innerRate"]
        return p | {f"rate.{name}": jnp.full_like(p[name], rate) for name in p if self.adapts(name)}

    def adapts(self, name):
        if self.algorithm["type"] == "anil":
            return name.startswith("head")
        is_outer = name.endswith("beta") and self.model["batchNorm"] == "outer-shift"
        return not (name.startswith("rate") or is_outer)

    def logits(self, p, x, statistics=None):
        embedded, seen = features(self.model, p, x, statistics)
        return embedded @ p["head.weights"] + p["head.bias"], seen

    def step(self, p, support):
        x, y = support
        moving = {name: value for name, value in p.items() if self.adapts(name)}
        gradient = jax.grad(lambda m: self.scale * cross_entropy(self.logits(p | m, x)[0], y))(moving)
        if self.first_order:
            gradient = lax.stop_gradient(gradient)
        rates = {name: p.get(f"rate.{name}", self.algorithm["innerRate"]) for name in moving}
        return p | {name: value - rates[name] * gradient[name] for name, value in moving.items()}

    def loss(self, p, support, query, schedule):
        for _ in range(self.algorithm["innerSteps"]):
            p = self.step(p, support)
        return self.scale * cross_entropy(self.logits(p, query[0])[0], query[1])

    def predict(self, p, support, x, steps):
        adapted = lax.fori_loop(0, steps, lambda _, q: self.step(q, support), p)
        return {"transductive": self.logits(adapted, x)[0]}


class Reptile(InnerLoop):
    """phi - phi_K after K steps of Adam with beta1 = 0 on minibatches: Nichol et al. 2018, algorithm 1."""

    def __init__(self, experiment):
        self.model, self.algorithm = experiment["model"], experiment["algorithm"]
        self.ways = experiment["dataset"]["ways"]
        assert self.algorithm["innerOptimizer"] == "adam" and self.model["batchNorm"] != "outer-shift"

    def start(self, key):
        return conv4_parameters(self.model, self.ways, key)

    def walk(self, p, x, y, batches):
        def step(carry, batch):
            p, square, decay = carry
            gradient = jax.grad(lambda q: cross_entropy(self.logits(q, x[batch])[0], y[batch]))(p)
            square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
            decay = decay * 0.999
            p = jax.tree.map(
                lambda v, g, s: v - self.algorithm["innerRate"] * g / (jnp.sqrt(s / (1 - decay)) + 1e-8),
                p,
                gradient,
                square,
            )
            return (p, square, decay), None

        return lax.scan(step, (p, jax.tree.map(jnp.zeros_like, p), 1.0), batches)[0][0]

    def loss(self, p, support, query, schedule):
        x, y = support
        size, count = self.algorithm["batchSize"], self.algorithm["innerSteps"]
        keys = jax.random.split(schedule["key"], -(-size * count // len(y)))
        order = jnp.concatenate([jax.random.permutation(key, len(y)) for key in keys])
        last = self.walk(p, x, y, order[: size * count].reshape(count, size))
        way = jax.tree.map(lambda v, w: jnp.sum(v * lax.stop_gradient(v - w)), p, lax.stop_gradient(last))
        return sum(jax.tree.leaves(way))

    def predict(self, p, support, x, steps):
        everything = jnp.tile(jnp.arange(len(support[1])), (steps, 1))
        return {"transductive": self.logits(self.walk(p, *support, everything), x)[0]}


class ProtoNet:
    """The nearest mean of the embedded support examples: Snell et al. 2017; one batch-norm batch for all."""

    def __init__(self, experiment):
        self.model, self.ways = experiment["model"], experiment["dataset"]["ways"]

    def start(self, key):
        p = conv4_parameters(self.model, self.ways, key)
        return {name: value for name, value in p.items() if not name.startswith("head")}

    def logits(self, p, support, x):
        embedded, _ = features(self.model, p, jnp.concatenate([support[0], x]))
        shown, asked = embedded[: len(support[1])], embedded[len(support[1]) :]
        prototypes = shown.reshape(self.ways, -1, shown.shape[-1]).mean(1)
        return -jnp.sum((asked[:, None] - prototypes[None]) ** 2, -1)

    def loss(self, p, support, query, schedule):
        return cross_entropy(self.logits(p, support, query[0]), query[1])

    def predict(self, p, support, x, steps):
        return {"transductive": self.logits(p, support, x)}


class PlusPlus(InnerLoop):
    """MAML++ (Antoniou et al. 2019): multi-step loss, a rate for each layer and step, batch norm for each step."""

    def __init__(self, experiment):
        self.model, self.algorithm = experiment["model"], experiment["algorithm"]
        self.ways = experiment["dataset"]["ways"]
        assert self.algorithm["firstOrderSteps"] == 0 and self.algorithm["lossReduction"] == "mean"
        assert self.algorithm["learnedRates"] and self.algorithm["perStepNormWeights"]
        self.steps = self.algorithm["innerSteps"]

    def start(self, key):
        p = conv4_parameters(self.model, self.ways, key)
        for name in [name for name in p if self.is_norm(name)]:
            p[name] = jnp.tile(p[name], (self.steps, 1))
        for layer in (*LAYERS, "head"):
            p[f"rate.{layer}"] = jnp.full(self.steps, self.algorithm["innerRate"])
        if self.algorithm["perStepStatistics"]:
            filters = self.model["filters"]
            for layer in LAYERS:
                p[f"running.{layer}.mean"] = jnp.zeros((self.steps, filters))
                p[f"running.{layer}.variance"] = jnp.ones((self.steps, filters))
        return p

    def is_norm(self, name):
        return name.endswith(("gamma", "beta"))

    def adapts(self, name):
        return name.startswith(("conv", "head")) and not self.is_norm(name)

    def row(self, p, k):
        k = min(k, self.steps - 1)
        return {name: value[k] if self.is_norm(name) else value for name, value in p.items()}

    def pass_(self, p, x, k, statistics=None):
        return self.logits(self.row(p, k), x, statistics)

    def step_at(self, p, support, k):
        x, y = support
        moving = {name: value for name, value in p.items() if self.adapts(name)}

        def support_loss(m):
            logits, seen = self.pass_(p | m, x, k)
            return cross_entropy(logits, y), seen

        gradient, seen = jax.grad(support_loss, has_aux=True)(moving)
        rate = {name: p[f"rate.{name.split('.')[0]}"][min(k, self.steps - 1)] for name in moving}
        return p | {name: value - rate[name] * gradient[name] for name, value in moving.items()}, seen

    def loss(self, p, support, query, schedule):
        start, total = p, 0
        for k in range(self.steps):
            p, shown = self.step_at(p, support, k)
            logits, asked = self.pass_(p, query[0], k)
            total += schedule["weights"][k] * cross_entropy(logits, query[1])
            # The running means go a tenth of the way to what the passes saw, by an outer step of rate 1.
            for layer in LAYERS if self.algorithm["perStepStatistics"] else ():
                for i, moment in enumerate(("mean", "variance")):
                    running = start[f"running.{layer}.{moment}"][k]
                    way = 0.1 * (running - (shown[layer][i] + asked[layer][i]) / 2)
                    total += jnp.sum(running * lax.stop_gradient(way))
        return total

    def predict(self, p, support, x, steps):
        for k in range(steps):
            p, _ = self.step_at(p, support, k)
        last = steps - 1
        predictions = {"transductive": self.pass_(p, x, last)[0]}
        predictions["inductive, support set's statistics"] = self.pass_(p, x, last, self.pass_(p, support[0], last)[1])[0]
        if self.algorithm["perStepStatistics"]:
            row = min(last, self.steps - 1)
            running = {
                layer: tuple(p[f"running.{layer}.{moment}"][row] for moment in ("mean", "variance"))
                for layer in LAYERS
            }
            predictions["inductive, running statistics"] = self.pass_(p, x, last, running)[0]
        return predictions
