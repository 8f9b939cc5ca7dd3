"""What a file of weights is and looks like, counted and measured where torch is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.tasks.models import load_model
from app.tasks.pictures import backend_of
from app.worker import Task
from deformviz.analysis.architecture import Architecture
from deformviz.analysis.weight_records import (
    Comparison,
    HeadLikeness,
    OffsetStar,
    TensorStatistics,
)
from deformviz.checkpoints.report import LoadReport

Said = Iterable[tuple[str, Any]]


@dataclass(frozen=True)
class Looked:
    """A checkpoint as a page shows it, or the sentence that says why it is none."""

    size_bytes: int
    problem: str = ""  # one sentence; "" where the file can be used
    report: LoadReport | None = None  # also of a file that does not fit, if it came so far
    architecture: Architecture | None = None
    stars: dict[str, OffsetStar] = field(default_factory=dict)
    heads: dict[str, HeadLikeness] = field(default_factory=dict)
    statistics: tuple[TensorStatistics, ...] = ()


@dataclass(frozen=True)
class Described:
    """How a model was loaded, and which op it runs."""

    report: LoadReport
    differences: tuple[tuple[str, Any, Any], ...]  # option, here, as published
    backend: str
    cuda_ran_on: str | None  # the GPU whose figures lie beside the CUDA kernels


def look(task: Task, path: str, said: Said) -> Looked:
    """What a file is, with what somebody said about it."""
    task.report("reading the file")
    return _looked(task, _inspected(path, said))


def look_at_snapshot(task: Task, path: str, iteration: int) -> Looked:
    """The weights of a training at an iteration, as if they were a file."""
    task.report("reading the snapshot")
    return _looked(task, _snapshot(path, iteration))


def compare(
    task: Task, first: tuple[str, Said, int | None], second: tuple[str, Said, int | None]
) -> Comparison:
    """What tells two checkpoints apart; each is a path, what was said of it, and an iteration."""
    from deformviz.analysis.compare import compare_models

    models = []
    for path, said, iteration in (first, second):
        task.report("reading the files", len(models), 2)
        found = _inspected(path, said) if iteration is None else _snapshot(path, iteration)
        if found.model is None:
            raise ValueError(found.problem)
        models.append(found.model)
    return compare_models(*models)


def convert(task: Task, path: str, said: Said, iteration: int | None, title: str) -> Path:
    """A file that carries everything that was said of it, for the other pages."""
    import torch

    from deformviz.checkpoints.own import save

    task.report("writing the file")
    found = _inspected(path, said) if iteration is None else _snapshot(path, iteration)
    if found.model is None:
        raise ValueError(found.problem)
    file = task.folder / "model.safetensors"
    save(found.model, file, dtype=torch.float32, metadata={"converted_from": title})
    return file


def describe(task: Task, path: str, stamp: int, options: tuple[str, ...]) -> Described:
    """How a model was loaded, and where its recipe differs from the published one."""
    from deformviz.attention.diagnosis import gpu_of_a_real_run
    from deformviz.models.detector_config import DeformableDETRConfig

    task.report("reading the checkpoint")
    network: Any = load_model(path, stamp)
    config, usual = getattr(network, "config", None), DeformableDETRConfig(classes=1)
    differences: tuple[tuple[str, Any, Any], ...] = ()
    if isinstance(config, DeformableDETRConfig):
        both = [(name, getattr(config, name), getattr(usual, name)) for name in options]
        differences = tuple(found for found in both if found[1] != found[2])
    return Described(network.load_report, differences, backend_of(network), gpu_of_a_real_run())


def _inspected(path: str, said: Said):
    from deformviz.checkpoints.inspect import inspect_checkpoint

    return inspect_checkpoint(path, **dict(said))


def _snapshot(path: str, iteration: int):
    from deformviz.analysis.replay import Replay
    from deformviz.checkpoints.inspect import Inspection
    from deformviz.checkpoints.systems import system_of

    replay = Replay(path)
    model = replay.model_at(iteration)
    file, system = replay.folder.snapshots()[iteration], system_of(model)
    report = LoadReport(
        file=file.name,
        layout="snapshot of a training",
        system=system.name if system is not None else type(model).__name__,
        variant=str(getattr(model.config, "variant", "")),
        sizes=model.config.to_dict(),
        matched=len(model.state_dict()),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        metadata={"iteration": str(iteration)},
    )
    return Inspection(file.name, file.stat().st_size, model, report)


def _looked(task: Task, found: Any) -> Looked:
    from deformviz.analysis.architecture import describe as parts_of
    from deformviz.analysis.weights import head_likeness, offset_stars, weight_statistics
    from deformviz.tracing.look import is_ours

    if not found.usable:
        return Looked(found.size_bytes, found.problem, found.report)
    task.report("counting")
    if not is_ours(found.model):
        return Looked(
            found.size_bytes, report=found.report, statistics=weight_statistics(found.model)
        )
    return Looked(
        found.size_bytes,
        report=found.report,
        architecture=parts_of(found.model),
        stars=offset_stars(found.model),
        heads=head_likeness(found.model),
        statistics=weight_statistics(found.model),
    )
