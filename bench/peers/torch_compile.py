"""MAML by torch.compile of one task's torch.func gradient, task after task.

    python torch_compile.py W1 --threads 2 --seconds 20

Needs a C++ compiler. The warm-up takes a minute and more: all of the inner steps are compiled as one.
"""

import torch

from measure import measure
from torch_autograd import as_images, as_tensors
from torch_func import task_gradient


def prepare(workload, parameters, support, query, threads):
    torch.set_num_threads(threads)
    p, support, query = as_tensors(parameters), as_images(support), as_images(query)
    compiled = torch.compile(task_gradient(workload))

    def step():
        tasks = [compiled(p, task_support, task_query) for task_support, task_query in zip(support, query)]
        loss = sum(loss.item() for _, loss in tasks) / len(tasks)
        return loss, [(sum(g[name] for g, _ in tasks) / len(tasks)).numpy() for name in p]

    return step


if __name__ == "__main__":
    measure("torch_compile", torch.__version__, prepare)
