"""One deformed grid as a compact binary that a browser reads without parsing numbers from text.

Framed like `deformviz.tracing.packing`: header, then, little endian: float32 references and
positions [group knot xy], float32 query starts [query xy], float32 surface [head row column],
uint16 attention [head query knot], uint16 bias [head query knot], uint8 mask [row column].
What a layer does not have is left out; the header says so. Points are normalised (x, y): grid
coordinates end here. Reads and writes with NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from deformviz.axes import ShapeError
from deformviz.geometry import (
    grid_to_normalised,
    grid_to_normalised_affine,
    normalised_to_grid,
    to_pixel_index,
)
from deformviz.schema import GridTrace, Trace
from deformviz.tracing.packing import (
    STEPS,
    VERSION,
    PackedLayer,
    PackedLayerError,
    coefficients,
    decompress,
    finite,
    frame_coefficients,
    packed_proof,
    read_header,
    unpack_layer,
    with_header,
)
from deformviz.tracing.packing_dense import PackedDense, unpack_dense

CLASSES_KEPT = 5


@dataclass(frozen=True)
class PackedGrid:
    """A packed grid read back; attention and bias within half a step of what was packed."""

    header: dict[str, Any]
    trace: GridTrace  # NumPy; without sampled features and output
    mask: np.ndarray | None  # bool [row column] of the padded picture
    surface: np.ndarray | None  # [head row column], see `pack_grid`

    @property
    def arrays(self) -> list[np.ndarray]:
        """All it holds, for whoever counts or protects bytes."""
        names = (
            "reference_grid",
            "offsets",
            "positions",
            "attention_weights",
            "position_bias",
            "query_grid",
        )
        found = [*(getattr(self.trace, name) for name in names), self.mask, self.surface]
        return [array for array in found if array is not None]


def pack_grid(
    trace: Trace,
    layer: str,
    *,
    model_label: str = "",
    honesty_label: str = "",
    class_names: Sequence[str] = (),
    mask: np.ndarray | None = None,
    surface: Any = None,
) -> bytes:
    """The deformed grid of one layer of one image, ready to be served.

    Args:
        model_label, honesty_label: as in `pack_layer`.
        class_names: what the numbers of the trace's logits mean.
        mask: bool [row column], the object in the padded picture at any resolution, if known.
        surface: [head row column], the bias by displacement, see `DATAttention.bias_surface`.

    Raises PackedLayerError for a layer without a grid and for numbers that are not finite,
    KeyError for a layer the trace does not have, ShapeError for a mask of another kind.
    """
    record = trace[layer]
    if not isinstance(record, GridTrace) or record.is_batched:
        raise PackedLayerError(
            f"{layer} is a {type(record).__name__}; only a GridTrace of one image, without batch "
            "axis, has a grid to pack."
        )
    points = {name: _points(layer, name, record) for name in ("reference_grid", "positions")}
    starts = (
        record.query_grid if record.query_grid is None else _points(layer, "query_grid", record)
    )
    weights = finite(layer, "attention_weights", record.attention_weights)
    bias = record.position_bias
    bias = None if bias is None else finite(layer, "position_bias", bias)
    surface = None if surface is None else finite(layer, "surface", surface)
    weight_scale = float(weights.max()) / STEPS or 1.0
    header = {
        "v": VERSION,
        "layer": layer,
        "kind": "grid",
        "model_label": model_label,
        "honesty_label": honesty_label,
        "version": record.version,
        **_sizes(record),
        **frame_coefficients(trace.frame, [record.query_hw]),
        "to_grid": coefficients(_affine(record).inverse()),
        "weight_scale": weight_scale,
        "align_corners": record.align_corners,
        "has_starts": starts is not None,
        **_bias_range(bias),
        "mask_hw": _plane(mask),
        "surface_hw": None if surface is None else list(surface.shape[1:]),
        "classes": _classes(trace, class_names),
        "start_group": _start_group(record, points, mask),
        "start_query": _start_query(record, points["positions"], mask),
        "proof": packed_proof(trace, layer),
    }
    body = [
        array.astype("<f4").tobytes()
        for array in (*points.values(), starts, surface)
        if array is not None
    ]
    body.append(np.round(weights / weight_scale).astype("<u2").tobytes())
    if bias is not None:
        steps = (bias - header["bias_zero"]) / header["bias_scale"]
        body.append(np.round(steps).astype("<u2").tobytes())
    if mask is not None:
        body.append(mask.astype(np.uint8).tobytes())
    return with_header(header, b"".join(body))


def unpack_grid(blob: bytes) -> PackedGrid:
    """Read what `pack_grid` wrote, gzip or not; PackedLayerError says what is wrong with it."""
    blob = decompress(blob)
    header, start = read_header(blob)
    if header.get("kind") != "grid":
        raise PackedLayerError(f"This packed layer is of kind {header.get('kind')!r}, not a grid.")
    parts = _parts(header)
    expected = start + sum(prod(shape) * np.dtype(kind).itemsize for _, kind, shape in parts)
    if len(blob) != expected:
        raise PackedLayerError(
            f"The packed grid has {len(blob)} bytes, its header says "
            f"{expected}; it was cut or altered."
        )
    arrays: dict[str, np.ndarray] = {}
    for name, kind, shape in parts:
        arrays[name] = np.frombuffer(blob, kind, prod(shape), start).reshape(shape)
        start += arrays[name].nbytes
    bias = arrays.get("position_bias")
    if bias is not None:
        bias = bias * np.float32(header["bias_scale"]) + np.float32(header["bias_zero"])
    frame = {"size_hw": tuple(header["query_hw"]), "align_corners": header["align_corners"]}
    reference, positions = (
        normalised_to_grid(arrays[name], **frame) for name in ("reference_grid", "positions")
    )
    starts = arrays.get("query_grid")
    trace = GridTrace(
        reference_grid=reference,
        offsets=positions - reference,
        positions=positions,
        attention_weights=arrays["attention_weights"] * np.float32(header["weight_scale"]),
        position_bias=bias,
        query_grid=None if starts is None else normalised_to_grid(starts, **frame),
        grid_hw=tuple(header["grid_hw"]),
        query_hw=tuple(header["query_hw"]),
        version=header["version"],
        align_corners=header["align_corners"],
    )
    mask = arrays.get("mask")
    return PackedGrid(
        header, trace, None if mask is None else mask.astype(bool), arrays.get("surface")
    )


def unpack_any(blob: bytes) -> PackedLayer | PackedGrid | PackedDense:
    """A packed layer of whichever kind."""
    blob = decompress(blob)
    kind = read_header(blob, levels_needed=False)[0].get("kind")
    if kind == "dense":
        return unpack_dense(blob)
    return unpack_grid(blob) if kind == "grid" else unpack_layer(blob)


def _parts(header: dict[str, Any]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, type and shape of every array of the body, in order."""
    groups, heads = header["groups"], header["heads"]
    knots, queries = header["knots"], header["queries"]
    parts: list[tuple[str, str, tuple[int, ...]]] = [
        (name, "<f4", (groups, knots, 2)) for name in ("reference_grid", "positions")
    ]
    if header["has_starts"]:
        parts.append(("query_grid", "<f4", (queries, 2)))
    if header["surface_hw"]:
        parts.append(("surface", "<f4", (heads, *header["surface_hw"])))
    parts.append(("attention_weights", "<u2", (heads, queries, knots)))
    if header["has_bias"]:
        parts.append(("position_bias", "<u2", (heads, queries, knots)))
    if header["mask_hw"]:
        parts.append(("mask", "u1", tuple(header["mask_hw"])))
    return parts


def _affine(record: GridTrace) -> Any:
    return grid_to_normalised_affine(record.query_hw, align_corners=record.align_corners)


def _points(layer: str, name: str, record: GridTrace) -> np.ndarray:
    grid = finite(layer, name, getattr(record, name))
    points = grid_to_normalised(grid, record.query_hw, align_corners=record.align_corners)
    return np.asarray(points)


def _sizes(record: GridTrace) -> dict[str, Any]:
    heads, queries, knots = record.attention_weights.shape
    return {
        "heads": heads,
        "queries": queries,
        "knots": knots,
        "groups": record.positions.shape[0],
        "grid_hw": list(record.grid_hw),
        "query_hw": list(record.query_hw),
        "levels": [list(record.query_hw)],
        "level_starts": [0],
    }


def _bias_range(bias: np.ndarray | None) -> dict[str, Any]:
    if bias is None:
        return {"has_bias": False}
    span = float(bias.max() - bias.min())
    return {"has_bias": True, "bias_zero": float(bias.min()), "bias_scale": span / STEPS or 1.0}


def _plane(mask: np.ndarray | None) -> list[int] | None:
    if mask is None:
        return None
    if mask.ndim != 2 or mask.dtype != bool:
        raise ShapeError(
            f"mask has shape {mask.shape} and type {mask.dtype}, expected bool [row column]."
        )
    return list(mask.shape)


def _classes(trace: Trace, names: Sequence[str]) -> list[dict[str, Any]]:
    """The likeliest classes, best first; none if the trace has no logits."""
    if trace.logits is None:
        return []
    logits = np.asarray(trace.logits, np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = np.argsort(-shares)[:CLASSES_KEPT]
    return [
        {
            "label": int(label),
            "probability": round(float(shares[label]), 5),
            "class_name": names[label] if label < len(names) else f"class {label}",
        }
        for label in best
    ]


def _of_groups(record: GridTrace) -> np.ndarray:
    """Attention of an average query and head on each knot of a group, [group knot]."""
    attention = np.asarray(record.attention_weights, np.float64).mean(1)
    return attention.reshape(record.positions.shape[0], -1, attention.shape[-1]).mean(1)


def _start_group(record: GridTrace, points: dict[str, np.ndarray], mask: np.ndarray | None) -> int:
    """The group to show first: the one whose heeded knots (on the object, if known) moved most."""
    heed = _of_groups(record)
    if mask is not None:
        row, column = (
            np.floor(points["positions"][..., axis] * size).astype(int).clip(0, size - 1)
            for axis, size in ((1, mask.shape[0]), (0, mask.shape[1]))
        )
        heed = heed * mask[row, column]
    moved = np.linalg.norm(points["positions"] - points["reference_grid"], axis=-1)
    return int((moved * heed).sum(-1).argmax())


def _start_query(record: GridTrace, positions: np.ndarray, mask: np.ndarray | None) -> int:
    """The cell to show first: on the object's middle, else where most attention goes."""
    if mask is not None and mask.any():
        rows, columns = np.nonzero(mask)
        middle = (np.array([columns.mean(), rows.mean()]) + 0.5) / mask.shape[::-1]
    else:
        of_group = _of_groups(record)
        middle = (positions * of_group[..., None]).sum((0, 1)) / of_group.sum()
    height, width = record.query_hw
    column, row = np.rint(to_pixel_index(middle, (height, width))).astype(int)
    return int(np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1))
