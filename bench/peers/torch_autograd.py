"""MAML by PyTorch's torch.autograd.grad(create_graph=True), task after task, as learn2learn does it.

    python torch_autograd.py W1 --threads 2 --seconds 20

Tried, CPU seconds per step on one thread, W1 and W2, on a machine with other work on it:

    this file, but pooling after the ReLU       0.70    6.4
    glibc's defaults for freed memory           0.98   12.1   see keep_freed_memory in measure.py
    channels_last filters and images            0.70    9.1
    pooling before the ReLU, which is the same  0.62    6.4   kept
    batch norm written out, not F.batch_norm    0.67    6.3   1 GB more on W2
    oneDNN off                                  0.96   11.2
    unfold and matmul, not F.conv2d             1.24   14.8
"""

import torch
import torch.nn.functional as F

from measure import measure
from workloads import EPSILON, LAYERS, labels


def batch_norm(x, gamma, beta):
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=EPSILON)


def conv4(p, x, batch_norm=batch_norm):
    for layer in range(1, LAYERS + 1):
        x = F.conv2d(x, p[f"conv{layer}.weights"], padding=1)
        x = batch_norm(x, p[f"conv{layer}.gamma"], p[f"conv{layer}.beta"])
        x = F.relu(F.max_pool2d(x, 2))
    return F.linear(x.flatten(1), p["head.weights"], p["head.bias"])


def query_loss(workload, p, support, query):
    support_y, query_y = (torch.from_numpy(labels(workload, workload[k])) for k in ("shots", "queries"))
    fast = p
    for _ in range(workload["steps"]):
        loss = F.cross_entropy(conv4(fast, support), support_y)
        gradients = torch.autograd.grad(loss, list(fast.values()), create_graph=workload["order"] == 2)
        fast = {name: value - workload["step_size"] * g for (name, value), g in zip(fast.items(), gradients)}
    return F.cross_entropy(conv4(fast, query), query_y)


def as_tensors(parameters):
    """Filters as [out, in, height, width], the head as [out, in] with its inputs channel first."""
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    channels = len(parameters[f"conv{LAYERS}.gamma"])
    for name, value in tensors.items():
        if name == "head.weights":
            tensors[name] = value.unflatten(0, (-1, channels)).transpose(0, 1).flatten(0, 1).T.contiguous()
        elif name.endswith("weights"):
            tensors[name] = value.permute(3, 2, 0, 1).contiguous()
    return tensors


def as_images(images):
    return torch.from_numpy(images).movedim(-1, -3).contiguous()


def prepare(workload, parameters, support, query, threads):
    torch.set_num_threads(threads)
    p = {name: value.requires_grad_() for name, value in as_tensors(parameters).items()}
    support, query = as_images(support), as_images(query)

    def step():
        total = 0.0
        for value in p.values():
            value.grad = None
        for task_support, task_query in zip(support, query):
            loss = query_loss(workload, p, task_support, task_query) / len(support)
            loss.backward()
            total += loss.item()
        return total, [value.grad.numpy() for value in p.values()]

    return step


if __name__ == "__main__":
    measure("torch_autograd", torch.__version__, prepare)
