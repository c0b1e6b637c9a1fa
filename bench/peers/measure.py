"""Times one peer on one workload and prints a line of JSON: what the peers' scripts have in common.

A peer is `prepare(workload, parameters, support, query, threads) -> step`, and `step() -> (loss, gradient)`
computes the mean over the tasks given to it: loss a float, gradient a list of numpy arrays. A step ends when
they are in numpy arrays. The optimizer is not part of it.

With --processes P the tasks are split over P processes, which are timed together, the sum of their gradients
included; --threads counts the threads of each.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import resource
import time

import numpy as np

from workloads import WORKLOADS, random_episodes, random_parameters

WARM_UP_STEPS = 2
MEASURED_STEPS_MIN = 3


def measure(implementation, version, prepare):
    options = parse_options(implementation)
    try:
        result = time_steps(options, prepare)
    except (MemoryError, RuntimeError) as error:
        # PyTorch and JAX both report a failed allocation as a RuntimeError.
        if not any(words in str(error) for words in ("allocate memory", "RESOURCE_EXHAUSTED", "out of memory")):
            raise
        result = {"error": "out of memory"}
    head = dict(implementation=implementation, version=version, workload=options.workload)
    print(json.dumps({**head, "threads": options.threads, "processes": options.processes, **result}))


def parse_options(implementation):
    parser = argparse.ArgumentParser(description=f"Measures {implementation} on a workload.")
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--threads", type=int, default=1, help="threads of a process [1]")
    parser.add_argument("--processes", type=int, default=1, help="processes that share the tasks [1]")
    parser.add_argument("--seconds", type=float, default=20, help="time to measure for, after warm-up [20]")
    parser.add_argument("--memory-gib", type=float, default=12, help="fail above this, per process [12]")
    options = parser.parse_args()
    if WORKLOADS[options.workload]["tasks"] % options.processes != 0:
        parser.error(f"--processes: expected a divisor of the tasks, got {options.processes}")
    return options


def time_steps(options, prepare):
    processes = options.processes
    if processes == 1:
        step, usage = start_peer(options, prepare, part=0), lambda: [peer_usage()]
    else:
        step, usage = start_processes(options, prepare)
    started = time.perf_counter()
    for _ in range(WARM_UP_STEPS):
        step()
    warm_up_seconds = time.perf_counter() - started

    seconds, cpu_before, started = [], sum(u["cpu_seconds"] for u in usage()), time.perf_counter()
    while len(seconds) < MEASURED_STEPS_MIN or time.perf_counter() - started < options.seconds:
        step_started = time.perf_counter()
        loss, gradient = step()
        seconds.append(time.perf_counter() - step_started)
    after = usage()
    cpu_seconds = sum(u["cpu_seconds"] for u in after) - cpu_before
    return dict(
        seconds_per_step=[round(s, 5) for s in seconds],
        median=round(float(np.median(seconds)), 5),
        # Of all threads. On a machine shared with others it is steadier than the time that passed.
        cpu_seconds_mean=round(cpu_seconds / len(seconds), 5),
        warm_up_seconds=round(warm_up_seconds, 2),
        peak_rss_mb=round(sum(u["peak_rss_mb"] for u in after)),
        mean_query_loss=float(loss),
        gradient_norm=float(np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradient))),
    )


def start_peer(options, prepare, part):
    """The step of this process, over its part of the tasks."""
    keep_freed_memory()
    limit = int(options.memory_gib * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # As `taskset`: threads that a library starts on its own account cannot help it.
    cpus = sorted(os.sched_getaffinity(0))
    if options.threads * options.processes > len(cpus):
        raise SystemExit(f"{options.threads} x {options.processes} threads, but only {len(cpus)} processors")
    first = part * options.threads
    os.sched_setaffinity(0, cpus[first : first + options.threads])

    workload = WORKLOADS[options.workload]
    tasks = workload["tasks"] // options.processes
    mine = slice(part * tasks, (part + 1) * tasks)
    support, query = random_episodes(workload)
    return prepare(workload, random_parameters(workload), support[mine], query[mine], options.threads)


def keep_freed_memory():
    """Lets glibc reuse freed blocks instead of handing each large one back to the kernel.

    Otherwise every large tensor is zeroed by the kernel page by page. PyTorch's tuning guide proposes
    jemalloc or tcmalloc for the same reason.
    """
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, -1)


def peer_usage():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return dict(cpu_seconds=usage.ru_utime + usage.ru_stime, peak_rss_mb=usage.ru_maxrss / 1024)


def start_processes(options, prepare):
    context = multiprocessing.get_context("spawn")
    pipes = []
    for part in range(options.processes):
        mine, theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, options, prepare, part), daemon=True).start()
        theirs.close()
        pipes.append(mine)

    def ask(what):
        for pipe in pipes:
            pipe.send(what)
        return [pipe.recv() for pipe in pipes]

    def step():
        losses, gradients = zip(*ask("step"))
        return np.mean(losses), [sum(parts) / len(parts) for parts in zip(*gradients)]

    return step, lambda: ask("usage")


def serve(pipe, options, prepare, part):
    step = start_peer(options, prepare, part)
    while True:
        try:
            what = pipe.recv()
        except EOFError:
            return
        pipe.send(step() if what == "step" else peer_usage())
