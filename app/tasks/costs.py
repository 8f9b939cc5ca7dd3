"""What kinds of attention cost at one setting, counted and measured in a worker."""

from __future__ import annotations

from dataclasses import dataclass

from app.worker import Task
from deformviz.analysis.cost_lab_records import Bill, Growth, LabSizes


@dataclass(frozen=True)
class Costs:
    """Bills of every kind on every level; with times and growth where they were measured."""

    bills: tuple[Bill, ...]
    growth: tuple[Growth, ...] = ()


def count(task: Task, sizes: LabSizes) -> Costs:
    """Formulas, counts and bytes."""
    from deformviz.analysis.cost_lab import bills

    task.report("counting")
    return Costs(bills(sizes))


def measure(task: Task, sizes: LabSizes) -> Costs:
    """The same with times of this machine, and how they grow."""
    from deformviz.analysis.cost_lab import measure_all

    return Costs(*measure_all(sizes, lambda done, count: task.report("measuring", done, count)))
