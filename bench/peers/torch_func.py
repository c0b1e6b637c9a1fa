"""MAML by PyTorch's torch.func: grad inside of grad, vmap over the tasks.

    python torch_func.py W1 --threads 2 --seconds 20

Tried, CPU seconds per step on one thread, W1, on a machine with other work on it:

    vmap over all tasks                        0.76   kept
    the same with F.batch_norm                 0.86
    vmap over 4 tasks at a time, F.batch_norm  0.94
    one task after another, F.batch_norm       0.80
    unfold and matmul, not F.conv2d            1.54   filters differ per task, so convolutions are grouped
    torch.compile around vmap                  fails: an error inside of the compiler
"""

import torch
import torch.nn.functional as F
from torch.func import grad, grad_and_value, vmap

from measure import measure
from torch_autograd import as_images, as_tensors, conv4
from workloads import EPSILON, labels


def task_gradient(workload):
    """(parameters, support, query) -> (gradient, query loss) of one task."""
    support_y, query_y = (torch.from_numpy(labels(workload, workload[k])) for k in ("shots", "queries"))

    def cross_entropy(p, x, y):
        return F.cross_entropy(conv4(p, x, batch_norm), y)

    def query_loss(p, support, query):
        fast = p
        for _ in range(workload["steps"]):
            gradient = grad(cross_entropy)(fast, support, support_y)
            if workload["order"] == 1:
                gradient = {name: g.detach() for name, g in gradient.items()}
            fast = {name: value - workload["step_size"] * gradient[name] for name, value in fast.items()}
        return cross_entropy(fast, query, query_y)

    return grad_and_value(query_loss)


def batch_norm(x, gamma, beta):
    centred = x - x.mean((0, 2, 3), keepdim=True)
    variance = (centred * centred).mean((0, 2, 3), keepdim=True)
    return centred * (torch.rsqrt(variance + EPSILON) * gamma.view(-1, 1, 1)) + beta.view(-1, 1, 1)


def prepare(workload, parameters, support, query, threads):
    torch.set_num_threads(threads)
    p, support, query = as_tensors(parameters), as_images(support), as_images(query)
    batch_gradient = vmap(task_gradient(workload), in_dims=(None, 0, 0))

    def step():
        gradient, loss = batch_gradient(p, support, query)
        return loss.mean().item(), [g.mean(0).numpy() for g in gradient.values()]

    return step


if __name__ == "__main__":
    measure("torch_func", torch.__version__, prepare)
