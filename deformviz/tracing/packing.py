"""One traced layer as one compact binary that a browser reads without parsing numbers from text.

Layout, little endian: u32 length of the header | JSON header, padded with spaces to 8 bytes |
uint16 sampling_locations [query head sample xy] | uint16 attention_weights
[query head sample], the samples of a head level by level, as many of each as `points_per_level` of
the header says | zeros to 4 bytes | float32 references [query level xy or cxcywh] |
float32 box history [layer query cxcywh] (decoder only). Fixed point, not float16: over the range
of one layer it is some thirty times more exact at the same size.
Reads and writes with NumPy alone.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from deformviz.axes import check_shape
from deformviz.geometry import (
    Affine,
    level_starts,
    normalised_to_original,
    normalised_to_pixels,
    shapes_list,
    valid_to_padded,
)
from deformviz.schema import SHOWN_SCORE, AttentionTrace, ImageFrame, Trace
from deformviz.tracing.headers import LayerHeader, points_per_level
from deformviz.tracing.proven import Proof
from deformviz.words.markdown import visible

VERSION = 1
STEPS = 65535  # of a uint16
FEWEST_SHOWN = 5  # yet a weak model still shows its best guesses
FEW = 3  # points of a first look
EDGE_TO_INDEX = Affine(1.0, -0.5, 1.0, -0.5)  # box edges count from the corner of a pixel


class PackedLayerError(ValueError):
    """A trace cannot be packed, or a binary is not a packed layer."""


@dataclass(frozen=True)
class PackedLayer:
    """A packed layer read back: numbers within half a step of what was packed."""

    header: dict[str, Any]
    locations: np.ndarray  # [query head level point xy], normalised; [query head sample xy]
    weights: np.ndarray  # [query head level point], [query head sample] where levels differ
    references: np.ndarray  # [query level xy] or [query level cxcywh], normalised
    boxes_by_layer: np.ndarray | None  # [layer query cxcywh], of the un-padded image

    @property
    def arrays(self) -> list[np.ndarray]:
        """All it holds, for whoever counts or protects bytes."""
        boxes = [] if self.boxes_by_layer is None else [self.boxes_by_layer]
        return [self.locations, self.weights, self.references, *boxes]


def pack_layer(
    trace: Trace,
    layer: str,
    *,
    model_label: str = "",
    honesty_label: str = "",
    some_queries: bool = False,
) -> bytes:
    """The deformable attention of one layer of one image, ready to be served.

    Args:
        some_queries: whether the trace holds only some queries of an encoder; they are pointed at
            by their references then, since cells without a query have nothing to show.
        model_label: what to call the model on the picture and in exports.
        honesty_label: what to keep in mind, e.g. "random weights".

    Raises PackedLayerError for a layer without sampling locations and for numbers that are not
    finite, KeyError for a layer the trace does not have.
    """
    record = trace[layer]
    if not isinstance(record, AttentionTrace) or record.is_batched:
        raise PackedLayerError(
            f"{layer} is a {type(record).__name__}; only an AttentionTrace of one image, without "
            "batch axis, has sampling locations to pack."
        )
    locations = finite(layer, "sampling_locations", record.sampling_locations)
    weights = finite(layer, "attention_weights", record.attention_weights)
    references = finite(layer, "references", record.references).astype("<f4")
    kind = "encoder" if layer.startswith("encoder") and not some_queries else "decoder"
    shapes = shapes_list(record.spatial_shapes)
    boxes = _boxes_by_layer(trace) if kind == "decoder" else None
    zero, scale = _fixed_point_range(locations)
    weight_scale = float(weights.max()) / STEPS or 1.0
    header: dict[str, Any] = {
        "v": VERSION,
        "layer": layer,
        "kind": kind,
        "model_label": model_label,
        "honesty_label": honesty_label,
        **_sizes(layer, kind, record),
        "location_zero": zero.tolist(),
        "location_scale": scale.tolist(),
        "weight_scale": weight_scale,
        "box_layers": 0 if boxes is None else len(boxes),
        **frame_coefficients(trace.frame, shapes),
        **first_query(trace, kind, record.attention_weights.shape[0], shapes),
        "proof": packed_proof(trace, layer),
    }
    body = [
        np.round((locations - zero) / scale).astype("<u2").tobytes(),
        np.round(weights / weight_scale).clip(0, STEPS).astype("<u2").tobytes(),
    ]
    body.append(b"\0" * (-sum(map(len, body)) % 4))
    body.append(references.tobytes())
    if boxes is not None:
        body.append(boxes.astype("<f4").tobytes())
    return with_header(header, b"".join(body))


def packed_proof(trace: Trace, layer: str) -> dict[str, Any] | None:
    """How far the layer's replay was from what its module returned; None where nobody looked.

    A difference that is no number is written as the text "nan", which JSON can hold.
    """
    proof = trace.proofs.get(layer)
    return None if proof is None else proof_header(proof)


def proof_header(proof: Proof) -> dict[str, Any]:
    """A proof as a header holds it."""
    finite_one = math.isfinite(proof.difference)
    return {
        "difference": proof.difference if finite_one else "nan",
        "tolerance": proof.tolerance,
        "placement": proof.placement_strides,
    }


def unpack_layer(blob: bytes) -> PackedLayer:
    """Read what `pack_layer` wrote, gzip or not; PackedLayerError says what is wrong with it."""
    blob = decompress(blob)
    header, start = read_header(blob)
    query, head, level = header["queries"], header["heads"], len(header["levels"])
    per_level = points_per_level(cast(LayerHeader, header))
    samples = query * head * sum(per_level)
    shape = (level, per_level[0]) if len(set(per_level)) == 1 else (sum(per_level),)
    width = 2 if header["references"] == "points" else 4
    box_shape = (header["box_layers"], query, 4)
    expected = (
        start
        + 6 * samples
        + (-6 * samples % 4)
        + 4 * (query * level * width + int(np.prod(box_shape)))
    )
    if len(blob) != expected:
        raise PackedLayerError(
            f"The packed layer has {len(blob)} bytes, its header says "
            f"{expected}; it was cut or altered."
        )
    fixed = np.frombuffer(blob, "<u2", 3 * samples, start)
    scale = np.array(header["location_scale"], np.float32)
    zero = np.array(header["location_zero"], np.float32)
    locations = fixed[: 2 * samples].reshape(query, head, *shape, 2) * scale + zero
    weights = fixed[2 * samples :].reshape(query, head, *shape) * np.float32(header["weight_scale"])
    floats = np.frombuffer(blob, "<f4", -1, start + 6 * samples + (-6 * samples % 4))
    references = floats[: query * level * width].reshape(query, level, width)
    boxes = floats[query * level * width :].reshape(box_shape) if box_shape[0] else None
    return PackedLayer(header, locations, weights, references, boxes)


def decompress(blob: bytes) -> bytes:
    """Bytes as they were before gzip, if they were zipped at all."""
    return gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob


def compress(blob: bytes) -> bytes:
    """gzip without a time stamp: equal layers give equal bytes."""
    return gzip.compress(blob, compresslevel=6, mtime=0)


def finite(layer: str, name: str, array: Any) -> np.ndarray:
    """The array as float64; PackedLayerError if it holds anything that cannot be drawn."""
    numbers = np.asarray(array, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise PackedLayerError(
            f"{name} of {layer} holds {int((~np.isfinite(numbers)).sum())} numbers that are not "
            "finite; there is no place to draw them. Check the weights of the model."
        )
    return numbers


def _fixed_point_range(locations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zero and step of x and y, from the layer's own extremes: nothing is clamped."""
    low = locations.reshape(-1, 2).min(axis=0)
    span = locations.reshape(-1, 2).max(axis=0) - low
    return low, np.where(span > 0, span, 1.0) / STEPS


def _sizes(layer: str, kind: str, record: AttentionTrace) -> dict[str, Any]:
    shapes = shapes_list(record.spatial_shapes)
    queries, heads = record.attention_weights.shape[:2]
    cells = sum(height * width for height, width in shapes)
    if kind == "encoder" and queries != cells:
        raise PackedLayerError(
            f"{layer} has {queries} queries, expected one for each of the {cells} cells of "
            f"its levels {shapes}."
        )
    return {
        "queries": queries,
        "heads": heads,
        "points_per_level": list(record.points_per_level),
        "levels": shapes,
        "level_starts": level_starts(shapes),
        "references": "points" if record.reference_boxes is None else "boxes",
    }


def coefficients(affine: Affine) -> list[float]:
    """An affine as the browser reads it."""
    return [affine.scale_x, affine.shift_x, affine.scale_y, affine.shift_y]


def frame_coefficients(frame: ImageFrame, shapes: list[tuple[int, int]]) -> dict[str, Any]:
    """Every frame change the browser applies, as coefficients it does not have to derive."""
    to_original = normalised_to_original(frame)
    return {
        "frame": {
            "original_hw": frame.original_hw,
            "resized_hw": frame.resized_hw,
            "padded_hw": frame.padded_hw,
        },
        "to_original": coefficients(to_original),
        "from_original": coefficients(to_original.inverse()),
        "edges_from_original": coefficients(EDGE_TO_INDEX.then(to_original.inverse())),
        "to_padded": coefficients(normalised_to_pixels(frame.padded_hw)),
        "valid_to_padded": coefficients(valid_to_padded(frame)),
        "to_levels": [coefficients(normalised_to_pixels(shape)) for shape in shapes],
    }


def first_query(
    trace: Trace, kind: str, queries: int, shapes: list[tuple[int, int]]
) -> dict[str, Any]:
    """Which query to show first and, in a decoder, what each query found."""
    found = trace.detections
    if kind == "decoder":
        best = int(np.asarray(found.queries)[0]) if found is not None and len(found) else 0
        per_query = _detections_by_query(trace, queries)
        scores = sorted((d["score"] for d in per_query if d), reverse=True)
        least = min([SHOWN_SCORE, *scores[FEWEST_SHOWN - 1 : FEWEST_SHOWN]])
        return {"start_query": best, "detections": per_query, "shown_score": least}
    centre = np.array([0.5, 0.5])
    if found is not None and len(found):
        from_original = normalised_to_original(trace.frame).inverse()
        box = np.asarray(found.boxes_xyxy_px, dtype=np.float64)[0]
        centre = np.asarray(from_original((box[:2] + box[2:]) / 2 - 0.5))
    level = min(1, len(shapes) - 1)
    height, width = shapes[level]
    cell = (centre * np.array([width, height])).astype(int)
    column, row = np.clip(cell, 0, np.array([width - 1, height - 1]))
    return {
        "start_query": level_starts(shapes)[level] + int(row) * width + int(column),
        "detections": [],
        "shown_score": 0.0,
    }


def _detections_by_query(trace: Trace, queries: int) -> list[dict[str, Any] | None]:
    """The best detection of each decoder query; None for a query that found nothing."""
    found = trace.detections
    by_query: list[dict[str, Any] | None] = [None] * queries
    if found is None:
        return by_query
    for index in range(len(found)):
        query = int(found.queries[index])
        if by_query[query] is None:
            box = np.asarray(found.boxes_xyxy_px[index], dtype=np.float64)
            by_query[query] = {
                "label": int(found.labels[index]),
                "class_name": found.name(index),
                "score": round(float(found.scores[index]), 4),
                "box_xyxy_px": [round(float(edge), 2) for edge in box],
            }
    return by_query


def _boxes_by_layer(trace: Trace) -> np.ndarray | None:
    """The box of every query after each decoder layer, [layer query cxcywh]."""
    if trace.output is None:
        return None
    outputs = [*trace.output.auxiliary, trace.output]
    return np.stack([np.asarray(output.boxes_cxcywh) for output in outputs])


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _visible(one) for name, one in value.items()}
    return [_visible(one) for one in value] if isinstance(value, list | tuple) else value


def with_header(header: dict[str, Any], body: bytes) -> bytes:
    """u32 length | header, padded so that the body starts at a multiple of 8 | body.

    Labels and names come from files of strangers: what nobody would see in them is shown by name.
    """
    text = json.dumps(_visible(header), separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return struct.pack("<I", len(text)) + text + body


def read_header(blob: bytes, *, levels_needed: bool = True) -> tuple[dict[str, Any], int]:
    """The header of a packed layer that is not compressed, and where its body starts."""
    length = struct.unpack_from("<I", blob)[0] if len(blob) >= 4 else 0
    try:
        header = json.loads(blob[4 : 4 + length])
        version = header["v"]
    except (ValueError, KeyError, TypeError) as error:
        raise PackedLayerError("This is not a packed layer: it has no readable header.") from error
    if version != VERSION:
        raise PackedLayerError(
            f"This packed layer has version {version}, expected {VERSION}; "
            "write it again with `deformviz precompute`."
        )
    if levels_needed or header["levels"]:
        check_shape("levels of the packed layer", np.shape(header["levels"]), "level hw")
    return header, 4 + length


def header_of(path: Path) -> dict[str, Any]:
    """The header of a packed layer on disk, without unzipping the numbers that follow it."""
    with gzip.open(path) as file:
        length = file.read(4)
        blob = length + file.read(int.from_bytes(length, "little"))
    return read_header(blob, levels_needed=False)[0]


def first_look(packed: PackedLayer) -> dict[str, str]:
    """The head with the heaviest point, the level that it reads most, and its heaviest points.

    As an address says it; growing the view is up to the visitor.
    """
    weights = packed.weights[packed.header["start_query"]]  # [head level point], or [head sample]
    head = int(weights.reshape(len(weights), -1).max(axis=-1).argmax())
    look = {"heads": str(head), "top": str(FEW)}
    if weights.ndim == 3:
        look["levels"] = str(int(weights[head].max(axis=-1).argmax()))
    return look
