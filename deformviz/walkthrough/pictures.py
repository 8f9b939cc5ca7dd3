"""One sight in pixels of the original picture: samples, reference, corners and boxes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from deformviz.attention.reference import bilinear_corners, split_levels
from deformviz.geometry import (
    cxcywh_to_xyxy,
    normalised_to_original,
    shapes_list,
    valid_to_padded,
)
from deformviz.schema import SHOWN_SCORE, AttentionTrace
from deformviz.walkthrough.bilinear import value_of
from deformviz.walkthrough.derivation import GRID
from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.subject import Subject
from deformviz.walkthrough.tables import rounded

MOST_BOXES = 12
ToPicture = Callable[[Tensor], Tensor]


def picture_of(subject: Subject, sight: Sight) -> dict[str, Any]:
    """Pixel edges stand at whole numbers.

    The padded picture is as large as `padded`; padding lies right of and below `size`.
    """
    frame, trace = sight.frame, sight.trace
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
        "url": "",
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
        "corners": _corners(trace, subject, size_hw, to_picture) if sight.reads_cells else [],
        "boxes": _boxes(sight),
        "box": _own_box(sight, subject),
        "query": subject.query,
        "cells_hw": _asking_cells(trace),
    }


def _toy_cells(trace: AttentionTrace, subject: Subject) -> dict[str, Any]:
    """The map that the chosen sample reads, with its numbers: small enough for a pencil."""
    shapes = shapes_list(trace.spatial_shapes)
    value_map = split_levels(value_of(trace)[None], shapes)[subject.level][0, :, :, subject.head, 0]
    return {"hw": list(shapes[subject.level]), "values": rounded(value_map)}


def _starts(trace: AttentionTrace, subject: Subject, to_picture: ToPicture) -> Tensor:
    """Where each sample's line begins: at the reference, or at the knot of an even grid."""
    locations = trace.sampling_locations[subject.query]
    if subject.record.follows == GRID:
        return to_picture(locations - trace.sampling_offsets[subject.query]) + 0.5
    references = to_picture(trace.references[subject.query][:, :2]) + 0.5
    return references[None, :, None].expand(locations.shape)


def _asking_cells(trace: AttentionTrace) -> list[tuple[int, int]] | None:
    """The maps whose cells are the queries; None where queries are learnt or proposed."""
    shapes = shapes_list(trace.spatial_shapes)
    cells = sum(height * width for height, width in shapes)
    return list(shapes) if cells == len(trace.sampling_locations) else None


def _edges(box_xyxy: Tensor, to_picture: ToPicture) -> list[float]:
    return rounded(to_picture(box_xyxy.reshape(2, 2)) + 0.5)


def _corners(
    trace: AttentionTrace, subject: Subject, size_hw: tuple[int, int], to_picture: ToPicture
) -> list[dict[str, Any]]:
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


def _own_box(sight: Sight, subject: Subject) -> list[float] | None:
    """The box of the followed decoder query, in pixels of the original picture."""
    if sight.output is None or not subject.layer.startswith("decoder"):
        return None
    box = cxcywh_to_xyxy(sight.output.boxes_cxcywh[subject.query])
    padded = valid_to_padded(sight.frame)(box.reshape(2, 2))
    return rounded(normalised_to_original(sight.frame)(padded) + 0.5)
