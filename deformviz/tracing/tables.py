"""A recording's numbers for other programs: every array, or the samples as a table."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from deformviz.axes import axes_of
from deformviz.geometry import normalised_to_original
from deformviz.schema import AttentionTrace
from deformviz.tracing.recording import RecordError, Recording

COLUMNS = ("layer", "query", "head", "level", "point", "x_px", "y_px", "weight")


def save_arrays(recording: Recording, path: str | Path) -> None:
    """Write an .npz: "<layer>/<field>" of every layer, batch axis first."""
    arrays = {
        f"{name}/{field}": np.asarray(array)
        for name in recording
        for field in axes_of(recording[name])
        if (array := getattr(recording[name], field)) is not None
    }
    save: Any = np.savez_compressed  # whose types take the first array for an option
    save(path, **arrays)


def save_points(
    recording: Recording,
    path: str | Path,
    *,
    layer: str | None = None,
    query: int | None = None,
    head: int | None = None,
    image: int = 0,
) -> None:
    """Write a .csv with one row per sample, places in pixels of the original picture.

    Args:
        layer: the last one with samples if None.
        query, head: only of this one; None = all.

    Raises:
        RecordError: the layer has no samples, or a number is beyond the last one.
    """
    sampled = [name for name in recording if isinstance(recording[name], AttentionTrace)]
    layer = layer or (sampled[-1] if sampled else None)
    if layer not in sampled:
        raise RecordError(f"There are no sampling points of {layer!r} in this recording.")
    whole = recording.trace(image)
    trace = whole[layer]
    places = normalised_to_original(whole.frame)(np.asarray(trace.locations_by_sample.double()))
    weights = trace.weights_by_sample
    queries, heads = (
        _numbers(name, chosen, size)
        for name, chosen, size in (
            ("query", query, weights.shape[0]),
            ("head", head, weights.shape[1]),
        )
    )
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for q in queries:
            for h in heads:
                for level, part in enumerate(trace.sample_levels):
                    for point, sample in enumerate(range(part.start, part.stop)):
                        x, y = places[q, h, sample]
                        numbers = f"{x:.3f}", f"{y:.3f}", f"{float(weights[q, h, sample]):.6g}"
                        table.writerow([layer, q, h, level, point, *numbers])


def _numbers(name: str, chosen: int | None, size: int) -> range:
    if chosen is None:
        return range(size)
    if not 0 <= chosen < size:
        raise RecordError(f"There is no {name} {chosen}; there are {size}, counted from 0.")
    return range(chosen, chosen + 1)
