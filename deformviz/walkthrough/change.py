"""What may be changed in a layer for one query: the "what if" controls, free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Sample = tuple[int, int, int]  # head, level, point
Location = tuple[float, float]  # x, y, normalised


@dataclass(frozen=True)
class Change:
    """The controls; all at rest by default."""

    offset_scale: float = 1.0
    sharpness: float = 1.0
    dropped_heads: tuple[int, ...] = ()
    dropped_levels: tuple[int, ...] = ()
    reference_shift_xy: Location = (0.0, 0.0)
    moved: tuple[tuple[Sample, Location], ...] = ()


WHOLE_LAYER = tuple(field.name for field in fields(Change))


def read_change(wanted: Mapping[str, Any], now: Change) -> Change:
    """Sliders as a browser reports them, and the samples moved so far; nonsense leaves `now`."""
    try:
        x, y = (min(0.5, max(-0.5, float(part))) for part in wanted["reference_shift_xy"])
        return Change(
            offset_scale=min(3.0, max(-1.0, float(wanted["offset_scale"]))),
            sharpness=min(8.0, max(0.0, float(wanted["sharpness"]))),
            dropped_heads=tuple(sorted({int(head) for head in wanted["dropped_heads"]})),
            dropped_levels=tuple(sorted({int(level) for level in wanted["dropped_levels"]})),
            reference_shift_xy=(x, y),
            moved=now.moved,
        )
    except (KeyError, TypeError, ValueError):
        return now
