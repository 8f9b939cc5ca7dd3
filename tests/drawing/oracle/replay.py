"""What a replay draws besides: layers between two snapshots, and the paths points have taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from deformviz.schema import Trace
from tests.drawing.oracle import signs
from tests.drawing.oracle.grid import Grid
from tests.drawing.oracle.grid_subject import GridSubject
from tests.drawing.oracle.sampling import Sampling
from tests.drawing.oracle.subject import Subject

MOST_TRAILS, DOT = 30, 1.8


def blended(start: Subject, own: int, end: Subject, other: int, share: float) -> Subject:
    """The layer of `start` whose query `own` is `share` of the way to query `other` of `end`."""

    def mix(name):
        first, second = getattr(start.record, name), getattr(end.record, name)
        if first is None:
            return None
        mixed = first.double().clone()
        mixed[own] = (1 - share) * first[own].double() + share * second[other].double()
        return mixed

    names = ("sampling_locations", "attention_weights", "reference_points", "reference_boxes")
    record = replace(start.record, **{name: mix(name) for name in names})
    trace = Trace({start.layer: record}, start.frame, detections=start.trace.detections)
    return replace(start, trace=trace, made_of=(start, end))


def blended_grid(start: GridSubject, end: GridSubject, share: float) -> GridSubject:
    """The grid of `start`, `share` of the way to that of `end`."""
    names = ("reference_grid", "positions", "attention_weights")
    mixed = {
        name: torch.lerp(
            getattr(start.record, name).double(), getattr(end.record, name).double(), share
        )
        for name in names
    }
    return replace(start, record=replace(start.record, **mixed), made_of=(start, end))


def trail(points, of: dict, stroke: str, **common) -> list[dict]:
    """One path on the stage, thicker and clearer towards the present, with a dot where it began."""
    last = len(points) - 1
    common |= {"stroke": stroke}
    lines = [
        {
            **common, "kind": "line", "of": {**of, "step": step},
            "points": [points[step - 1], points[step]],
            "lineWidth": 0.8 + 1.6 * step / last, "alpha": 0.25 + 0.6 * step / last,
        }
        for step in range(1, last + 1)
    ]  # fmt: skip
    dot = {
        **common, "kind": "marker", "shape": "circle", "of": {**of, "step": 0},
        "x": points[0][0], "y": points[0][1], "size": DOT, "alpha": 0.7, "lineWidth": 1,
    }  # fmt: skip
    return [*lines, dot]


def sampling_trails(steps: Sequence[tuple[Subject, int]], drawing: Sampling) -> list[dict]:
    """Paths of the heaviest points through snapshots, as seen from the reference of the last."""
    now = steps[-1][0].references[steps[-1][1]]
    marks = []
    for at in drawing.shown()[:MOST_TRAILS]:
        head, level, point = at
        path, reach = [], 1.0
        for subject, query in steps:
            then = subject.references[query]
            away = subject.locations[query][at] - then[level, :2]
            if then.shape[-1] == 4:
                grown = now[level, 2:] / then[level, 2:]
                away, reach = away * grown, max(reach, float(grown.max()))
            path.append(drawing.window.place(now[level, :2] + away))
        fill, channel = drawing.fill(at)
        off_px = reach * max(
            float((subject.location_step * drawing.window.px_per_unit).max())
            for subject, _ in steps
        )
        of = {"head": head, "level": level, "point": point}
        marks += trail(
            path, of, fill, tolerance_channel=channel, tolerance_px=off_px, **drawing.ranked(at)
        )
    return marks


def grid_trails(steps: Sequence[GridSubject], drawing: Grid) -> list[dict]:
    """Paths of the heaviest knots through snapshots."""
    window, marks = drawing.panels[0][0], []
    for head, knot, weight in drawing.heeded()[:MOST_TRAILS]:
        group = drawing.subject.group_of(head)
        path = [window.place(subject.places("positions")[group, knot]) for subject in steps]
        of = {"head": head, "group": group, "knot": knot}
        marks += trail(np.array(path), of, signs.head_fill(head), **drawing.ranked(weight))
    return marks
