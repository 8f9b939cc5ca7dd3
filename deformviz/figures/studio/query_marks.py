"""The samples of one query, where they lie in the picture: what figures of points are made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from deformviz.figures.marks_engine import FigureError
from deformviz.geometry import Affine
from deformviz.tracing.headers import points_per_level
from deformviz.tracing.packing import PackedLayer


@dataclass(frozen=True)
class QueryMarks:
    """The samples of one query, in pixel indices of the picture."""

    places_px: np.ndarray  # [sample xy]
    weights: np.ndarray  # [sample]
    heads: np.ndarray  # [sample]
    levels: np.ndarray  # [sample]
    starts_px: np.ndarray  # [sample xy], the reference on the sample's own level
    reference_px: np.ndarray  # [xy], on the first level
    box_xyxy_px: np.ndarray | None  # pixel indices; None where the query found nothing
    found: str  # what it found, "" for nothing


def query_marks(
    packed: PackedLayer,
    query: int,
    heads: Collection[int] | None = None,
    levels: Collection[int] | None = None,
    top: int = 0,
) -> QueryMarks:
    """What one query of a layer samples.

    Args:
        heads, levels: those to keep; None: all.
        top: of these only so many, the heaviest; 0: all.

    Raises:
        FigureError: the layer has no such query, head or level.
    """
    header = packed.header
    for name, wanted, count in (
        ("query", [query], header["queries"]),
        ("head", heads or (), header["heads"]),
        ("level", levels or (), len(header["levels"])),
    ):
        if missing := [index for index in wanted if not 0 <= index < count]:
            raise FigureError(
                f"{header['layer']} has no {name} {missing[0]}; it has 0 to {count - 1}."
            )
    to_original = Affine(*header["to_original"])
    per_level = points_per_level(header)  # pyright: ignore[reportArgumentType]
    samples = sum(per_level)
    references = np.asarray(to_original(packed.references[query, :, :2].astype(np.float64)))
    of_head = np.repeat(np.arange(header["heads"]), samples)
    of_level = np.tile(np.repeat(np.arange(len(per_level)), per_level), header["heads"])
    places = to_original(packed.locations[query].reshape(-1, 2).astype(np.float64))
    kept = np.isin(of_head, list(heads)) if heads else np.ones(len(of_head), bool)
    if levels:
        kept &= np.isin(of_level, list(levels))
    weights = packed.weights[query].reshape(-1).astype(np.float64)
    if top:
        heaviest = np.argsort(-np.where(kept, weights, -1.0), kind="stable")[:top]
        kept &= np.isin(np.arange(len(kept)), heaviest)
    answer = header["detections"][query] if header["detections"] else None
    if answer is not None and answer["score"] < header["shown_score"]:
        answer = None  # what the page does not draw either
    box = None if answer is None else np.asarray(answer["box_xyxy_px"], np.float64) - 0.5
    return QueryMarks(
        np.asarray(places)[kept],
        weights[kept],
        of_head[kept],
        of_level[kept],
        references[of_level[kept]],
        references[0],
        box,
        "" if answer is None else f"{answer['class_name']} {answer['score']:.2f}",
    )


def window_px(
    size_hw: tuple[int, int], centre_px: np.ndarray, zoom: float
) -> tuple[float, float, float, float]:
    """The part of a picture that is shown [left, right, top, bottom], pixel indices."""
    height, width = size_hw
    wide, tall = width / zoom, height / zoom
    left = float(np.clip(centre_px[0] - wide / 2, -0.5, width - 0.5 - wide))
    top = float(np.clip(centre_px[1] - tall / 2, -0.5, height - 0.5 - tall))
    return left, left + wide, top, top + tall
