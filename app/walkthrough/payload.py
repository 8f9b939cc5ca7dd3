"""A lesson as JSON for the component: steps, pictures, and what ties them together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from app.walkthrough.costs import cost_panel
from app.walkthrough.lesson import Lesson, Sight
from app.walkthrough.prose_spans import spans
from app.walkthrough.tables import rounded, tabulate
from deformviz.attention.reference import bilinear_corners, split_levels
from deformviz.geometry import (
    cxcywh_to_xyxy,
    normalised_to_original,
    shapes_list,
    valid_to_padded,
)
from deformviz.walkthrough.mathml import equation_mathml, symbol_mathml
from deformviz.walkthrough.prose import Prose, read_prose
from deformviz.walkthrough.step import Derivation, Step

SHOWN_SCORE = 0.3
MOST_BOXES = 12


def payload(lesson: Lesson, picture_url: str) -> dict[str, Any]:
    """Everything the component draws."""
    derivation = lesson.derivation
    prose = read_prose(derivation.name)
    shapes = shapes_list(lesson.sight.trace.spatial_shapes) if lesson.sight else ()
    # A mistake stands after what is right; an edit stays where the hand is.
    order = (lesson.right, lesson.sight) if lesson.subject.mistake else (lesson.sight, lesson.right)
    sights = [sight for sight in order if sight is not None]
    heads, levels, points = lesson.sizes
    return {
        "name": derivation.name,
        "title": prose.title,
        "introduction": spans(prose.introduction),
        "whole": equation_mathml(derivation, derivation.whole) if derivation.whole else "",
        "difference": f"{derivation.difference:.1e}",
        "holds": derivation.holds,
        "scale": float(derivation.module_output.abs().max()),
        "dtype": str(derivation.module_output.dtype).removeprefix("torch."),
        "steps": [_step(derivation, step, prose, shapes) for step in derivation],
        "pictures": [_picture(lesson, sight, picture_url) for sight in sights],
        "sample": [lesson.subject.head, lesson.subject.level, lesson.subject.point],
        "sizes": [heads, levels, points],
        "compare": bool(lesson.subject.mistake),
        "what_if": asdict(lesson.subject.change) if lesson.subject.can_edit else None,
        "answers": [_answer(lesson, sight) for sight in sights],
        "note": lesson.note,
        "costs": _costs(lesson),
    }


def _costs(lesson: Lesson) -> dict[str, Any] | None:
    """The sliders, and what the real module counted at their present sizes."""
    if lesson.derivation.name != "complexity":
        return None
    counted = int(lesson.derivation.module_output)
    return cost_panel(lesson.subject.sizes) | {"counted": counted}


def _step(derivation: Derivation, step: Step, prose: Prose, shapes) -> dict[str, Any]:
    compute = step.compute
    name = getattr(compute, "__qualname__", type(compute).__name__) if compute else ""
    name = name.rpartition("<locals>.")[2]  # a function made for one edit
    return {
        "name": step.name,
        "symbol": symbol_mathml(step.symbol),
        "equation": equation_mathml(derivation, step.equation),
        "axes": [[axis, size] for axis, size in step.sizes.items()],
        "unit": step.unit,
        "source": step.source,
        "text": spans(prose.sections.get(step.name, "")),
        "given": compute is None,
        "function": name,
        "code": _dedented(step.code),
        "inputs": dict(step.inputs),
        "terms": list(step.terms),
        "checks": [asdict(check) for check in step.checks],
        "table": tabulate(step.value, step.axes, shapes),
    }


def _dedented(code: str) -> list[str]:
    lines = code.rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[margin:] for line in lines]


def _picture(lesson: Lesson, sight: Sight, url: str) -> dict[str, Any]:
    """One sight in pixels of the original picture, pixel edges at whole numbers.

    The padded picture is as large as `padded`; padding lies right of and below `size`.
    """
    frame, trace, subject = sight.frame, sight.trace, lesson.subject
    to_picture = normalised_to_original(frame)
    whole = to_picture(torch.ones(1, 2))[0] + 0.5
    locations = to_picture(trace.sampling_locations[subject.query]) + 0.5
    reference = trace.references[subject.query]
    starts = _starts(trace, subject, to_picture)
    is_box = reference.shape[-1] == 4
    centres = to_picture(reference[:, :2]) + 0.5
    size_hw = shapes_list(trace.spatial_shapes)[subject.level]
    height, width = frame.original_hw
    return {
        "title": sight.title,
        "url": "" if subject.is_toy else url,
        "size": [width, height],
        "padded": rounded(whole),
        "cells": _toy_cells(trace, subject) if subject.is_toy else None,
        "affine": [
            to_picture.scale_x,
            to_picture.shift_x + 0.5,
            to_picture.scale_y,
            to_picture.shift_y + 0.5,
        ],
        "starts": rounded(starts),
        "locations": rounded(locations),
        "shape": list(locations.shape[:3]),
        "weights": rounded(trace.attention_weights[subject.query]),
        "references": rounded(centres),
        "reference_box": _edges(cxcywh_to_xyxy(reference[0]), to_picture) if is_box else None,
        "corners": _corners(trace, subject, size_hw, to_picture),
        "boxes": _boxes(sight),
        "box": _own_box(sight, subject),
        "query": subject.query,
        "cells_hw": _asking_cells(trace),
    }


def _toy_cells(trace, subject) -> dict[str, Any]:
    """The map that the chosen sample reads, with its numbers: small enough for a pencil."""
    shapes = shapes_list(trace.spatial_shapes)
    value_map = split_levels(trace.value[None], shapes)[subject.level][0, :, :, subject.head, 0]
    return {"hw": list(shapes[subject.level]), "values": rounded(value_map)}


def _starts(trace, subject, to_picture) -> torch.Tensor:
    """Where each sample's line begins: at the reference, or at the knot of an even grid."""
    locations = trace.sampling_locations[subject.query]
    if subject.derivation == "dat":
        return to_picture(locations - trace.sampling_offsets[subject.query]) + 0.5
    references = to_picture(trace.references[subject.query][:, :2]) + 0.5
    return references[None, :, None].expand(locations.shape)


def _asking_cells(trace) -> list[tuple[int, int]] | None:
    """The maps whose cells are the queries; None where queries are learnt or proposed."""
    shapes = shapes_list(trace.spatial_shapes)
    cells = sum(height * width for height, width in shapes)
    return list(shapes) if cells == len(trace.sampling_locations) else None


def _edges(box_xyxy: torch.Tensor, to_picture) -> list[float]:
    return rounded(to_picture(box_xyxy.reshape(2, 2)) + 0.5)


def _corners(trace, subject, size_hw, to_picture) -> list[dict[str, Any]]:
    """The four cells of the chosen sample as rectangles [x0, y0, x1, y1], and their shares."""
    height, width = size_hw
    location = trace.sampling_locations[subject.query, subject.head, subject.level, subject.point]
    cells_xy, shares = bilinear_corners(location, size_hw)
    found = []
    for cell, share in zip(cells_xy, shares.tolist(), strict=True):
        edges = torch.stack([cell, cell + 1]) / torch.tensor([width, height])
        found.append(
            {"box": rounded(to_picture(edges) + 0.5), "share": share, "cell": cell.int().tolist()}
        )
    return found


def _boxes(sight: Sight) -> list[dict[str, Any]]:
    if sight.detections is None:
        return []
    found = sight.detections
    return [
        {
            "box": rounded(found.boxes_xyxy_px[i]),
            "query": int(found.queries[i]),
            "name": f"{found.name(i)} {float(found.scores[i]):.2f}",
        }
        for i in range(min(len(found), MOST_BOXES))
        if float(found.scores[i]) >= SHOWN_SCORE
    ]


def _own_box(sight: Sight, subject) -> list[float] | None:
    """The box of the followed decoder query, in pixels of the original picture."""
    if sight.output is None or not subject.layer.startswith("decoder"):
        return None
    box = cxcywh_to_xyxy(sight.output.boxes_cxcywh[subject.query])
    padded = valid_to_padded(sight.frame)(box.reshape(2, 2))
    return rounded(normalised_to_original(sight.frame)(padded) + 0.5)


def _answer(lesson: Lesson, sight: Sight) -> dict[str, Any]:
    """What the model says in the end: of the query, or of the whole picture."""
    subject, output = lesson.subject, sight.output
    if output is None and sight.trace.output is None:
        return {"title": sight.title, "lines": [f"query {subject.query} of {subject.layer}"]}
    if output is None:
        numbers = ", ".join(f"{number:.6g}" for number in sight.trace.output[0].tolist())
        return {"title": sight.title, "lines": [f"output of the layer: {numbers}"]}
    found = sight.detections
    count = sum(float(score) >= SHOWN_SCORE for score in found.scores)
    lines = [f"{count} detections above {SHOWN_SCORE}"]
    if subject.layer.startswith("decoder"):
        scores = output.logits[subject.query].sigmoid()
        best = scores.topk(min(3, len(scores)))
        names = found.class_names
        said = ", ".join(
            f"{names[i] if i < len(names) else f'class {i}'} {score:.3f}"
            for score, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        box = output.boxes_cxcywh[subject.query].tolist()
        lines += [
            f"query {subject.query}: {said}",
            "box (cx, cy, w, h): " + ", ".join(f"{number:.3f}" for number in box),
        ]
    return {"title": sight.title, "lines": lines}
