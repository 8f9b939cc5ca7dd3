"""Loaded models of one worker process; the last few stay."""

from __future__ import annotations

import os
from typing import Any

from cachetools import LRUCache, cached

from app import second
from app.worker import Task

MOST_MODELS = 3


def get_ready(task: Task, name: str) -> bool:
    """Load a shipped model before somebody needs it."""
    task.report("loading the model")
    load_model(name, 0)
    return True


def bring(task: Task, name: str) -> str:
    """Download a published model; what came before somebody stopped it is kept."""
    from deformviz.checkpoints.fetch import fetch

    def report(file: str, done: int, total: int) -> None:
        task.report(file, int(100 * done / total) if total else 0, 100)

    task.report("asking for the list of files")
    return str(fetch(name, report))


@cached(LRUCache(MOST_MODELS))
def load_model(name_or_path: str, stamp: int) -> Any:
    """A loaded model, on the device this machine has; `stamp` changes when its file does."""
    import torch

    from deformviz.checkpoints.downloads import find
    from deformviz.checkpoints.fetch import cached as cached_model
    from deformviz.checkpoints.load import load

    if (listed := find(name_or_path)) is not None and cached_model(name_or_path) is None:
        raise ValueError(
            f"{listed.name} is not on this computer, and no page downloads what nobody asked for. "
            f"Bring it with `deformviz get {listed.name}`, or from the list on Explore."
        )
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    is_snapshot = name_or_path.startswith(second.PATH)
    model = _snapshot(name_or_path) if is_snapshot else load(name_or_path)
    return model.to("cuda") if torch.cuda.is_available() else model


def _snapshot(path: str) -> Any:
    """The detector with the weights of one moment of its recorded training, as they were then."""
    from deformviz.analysis.replay import Replay
    from deformviz.checkpoints.report import LoadReport

    iteration = int(path.removeprefix(second.PATH))
    model = Replay(second.RUN).model_at(iteration)
    facts = {"trained_on": "rendered scenes", "iterations": str(iteration)}
    name = f"training at iteration {iteration}.snapshot"
    report = LoadReport(name, "own", "deformable-detr", "", metadata=facts)
    object.__setattr__(model, "load_report", report)  # no part of the network
    return model
