"""A step's tensor as something small enough to look at: a table, or a heat map per level."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

MOST_NUMBERS = 640
MOST_ROWS = 64
DIGITS = 4
DIGITS_ALONE = 15  # a single number is shown whole


def tabulate(value: Tensor, axes: str, shapes_hw: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    """What to draw of a tensor with named axes.

    Returns:
        {"kind": "table", "row_axes", "column_axes", "shape", "rows", "columns", "values"}: a flat
        list row by row; rows are the first axis, columns all others in their order; or
        {"kind": "maps", "maps": [{"height", "width", "values"}], "note"}: the mean absolute
        value per pixel of each level, or of blocks of a large matrix.
    """
    names, value = axes.split(), value.detach().cpu().double()
    if value.numel() <= MOST_NUMBERS and (value.ndim < 2 or value.shape[0] <= MOST_ROWS):
        rows = 1 if value.ndim < 2 else value.shape[0]
        return {
            "kind": "table",
            "row_axes": names[:1] if value.ndim > 1 else [],
            "column_axes": names[1:] if value.ndim > 1 else names,
            "shape": list(value.shape),
            "rows": rows,
            "columns": value.numel() // rows,
            "values": rounded(value, DIGITS_ALONE if value.ndim == 0 else DIGITS),
        }
    if names[0] == "pixel" and value.shape[0] == sum(map(prod, shapes_hw)):
        strength = value.abs().flatten(1).mean(1).split([prod(size) for size in shapes_hw])
        return {
            "kind": "maps",
            "note": "mean size of a pixel's channels",
            "maps": [
                {"height": height, "width": width, "values": rounded(level)}
                for level, (height, width) in zip(strength, shapes_hw, strict=True)
            ],
        }
    if names[:2] == ["row", "column"] and value.ndim == 3:
        strength = value.abs().mean(2)
        return {
            "kind": "maps",
            "note": "mean size of a pixel's channels",
            "maps": [
                {
                    "height": strength.shape[0],
                    "width": strength.shape[1],
                    "values": rounded(strength),
                }
            ],
        }
    return {"kind": "maps", "note": "mean size of blocks of numbers", "maps": [_blocks(value)]}


def _blocks(value: Tensor) -> dict[str, Any]:
    matrix = value.flatten(1) if value.ndim > 1 else value[None]
    rows, columns = matrix.shape
    size = min(rows, 32), min(columns, 32)
    small = torch.nn.functional.adaptive_avg_pool2d(matrix.abs()[None, None], size)[0, 0]
    return {"height": size[0], "width": size[1], "values": rounded(small)}


def rounded(value: Tensor, digits: int = DIGITS) -> list[float]:
    """Numbers with few digits, as JSON takes them: what is not finite becomes 0."""
    flat = torch.nan_to_num(value.flatten(), nan=0.0, posinf=0.0, neginf=0.0)
    return [float(f"{number:.{digits}g}") for number in flat.tolist()]
