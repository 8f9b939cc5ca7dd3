"""Work for the workers of tests: each behaves, or misbehaves, in one way."""

import os
import time


def process_id(task):
    return os.getpid()


def sum_with_torch(task, numbers):
    import torch

    return float(torch.tensor(numbers).sum())


def until_stopped(task):
    for turn in range(10_000):
        task.report("turning", turn, 10_000)
        time.sleep(0.01)


def deaf(task):
    """Never asks whether somebody waits."""
    task.report("thinking", 0, 2)
    time.sleep(600)


def crash(task, number):
    task.report("crashing")
    os.kill(os.getpid(), number)
    time.sleep(60)


def refuse(task, sentence):
    raise ValueError(sentence)


def two_more(task):
    known = task.before() or []
    for _ in range(2):
        known = [*known, len(known)]
        task.keep(known)
    return known


def write_a_file(task, data):
    path = task.folder / "layer.bin"
    path.write_bytes(data)
    return path


def eat_memory(task):
    return len(bytes(range(256)) * 2**23)
