"""One layer of dense attention as one binary that a browser reads.

Layout, little endian: u32 length of the header | JSON header, padded with spaces to 8 bytes |
float32 largest weight [head query] | float32 boxes [query cxcywh] (decoder only) | uint16 weights
[head query key], in steps of their row's largest. Keys are the cells of a map, row by row, or the
queries themselves. Reads and writes with NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.schema import DenseTrace, Trace
from deformviz.tracing.packing import (
    STEPS,
    VERSION,
    PackedLayerError,
    decompress,
    finite,
    first_query,
    frame_coefficients,
    packed_proof,
    read_header,
    with_header,
)

MOST_WEIGHTS = 12_000_000  # of a layer: 1,050 cells that look at each other with 8 heads, and more


@dataclass(frozen=True)
class PackedDense:
    """Dense attention read back: weights within half a step of their row's largest."""

    header: dict[str, Any]
    weights: np.ndarray  # [head query key]
    boxes: (
        np.ndarray | None
    )  # [query cxcywh] that the layer said, of the un-padded picture; decoder only

    @property
    def arrays(self) -> list[np.ndarray]:
        """All it holds, for whoever counts or protects bytes."""
        return [self.weights, *([] if self.boxes is None else [self.boxes])]


def is_placed_dense(trace: Trace, layer: str) -> bool:
    """Whether a layer is dense attention of one image whose queries and keys have places."""
    record = trace[layer]
    if not isinstance(record, DenseTrace) or record.is_batched:
        return False
    heads, queries, keys = (int(size) for size in record.attention_weights.shape)
    if heads * queries * keys > MOST_WEIGHTS:
        return False
    if layer.startswith("decoder."):
        return trace.output is not None and len(trace.output.boxes_cxcywh) == queries
    return record.keys_hw is not None and queries == keys


def pack_dense(
    trace: Trace, layer: str, *, model_label: str = "", honesty_label: str = ""
) -> bytes:
    """The dense attention of one layer of one image, ready to be served.

    Raises PackedLayerError for another kind of layer, for one whose places nobody knows, and for
    numbers that are not finite; KeyError for a layer the trace does not have.
    """
    record = trace[layer]
    if not is_placed_dense(trace, layer):
        raise PackedLayerError(
            f"{layer} is a {type(record).__name__}; only a DenseTrace of one image with at most "
            f"{MOST_WEIGHTS:,} weights, whose queries are cells or have boxes, can be packed."
        )
    weights = finite(layer, "attention_weights", record.attention_weights)
    heads, queries, keys = weights.shape
    side, _, rest = layer.partition(".")
    boxes = None
    if side == "decoder":
        outputs: Any = trace.output
        said = (*outputs.auxiliary, outputs)[int(rest.partition(".")[0])]
        boxes = finite(layer, "boxes", said.boxes_cxcywh)
    largest = weights.max(-1)
    steps = np.where(largest > 0, largest, 1.0)[..., None] / STEPS
    levels = [] if record.keys_hw is None else [list(record.keys_hw)]
    header = {
        "v": VERSION,
        "kind": "dense",
        "layer": layer,
        "side": side,
        "model_label": model_label,
        "honesty_label": honesty_label,
        "queries": queries,
        "heads": heads,
        "keys": keys,
        "levels": levels,
        "level_starts": [0] * len(levels),
        **frame_coefficients(trace.frame, [(h, w) for h, w in levels]),
        **first_query(trace, side, queries, [(h, w) for h, w in levels]),
        "proof": packed_proof(trace, layer),
    }
    body = [largest.astype("<f4").tobytes()]
    body += [] if boxes is None else [boxes.astype("<f4").tobytes()]
    body.append(np.round(weights / steps).astype("<u2").tobytes())
    return with_header(header, b"".join(body))


def unpack_dense(blob: bytes) -> PackedDense:
    """Read what `pack_dense` wrote, gzip or not; PackedLayerError says what is wrong with it."""
    blob = decompress(blob)
    header, start = read_header(blob, levels_needed=False)
    heads, queries, keys = header["heads"], header["queries"], header["keys"]
    box_numbers = 4 * queries if header["side"] == "decoder" else 0
    expected = start + 4 * (heads * queries + box_numbers) + 2 * heads * queries * keys
    if len(blob) != expected:
        raise PackedLayerError(
            f"The packed layer has {len(blob)} bytes, its header says {expected}; it was cut or "
            "altered."
        )
    floats = np.frombuffer(blob, "<f4", heads * queries + box_numbers, start)
    steps = np.frombuffer(blob, "<u2", -1, start + 4 * len(floats)).reshape(heads, queries, keys)
    largest = floats[: heads * queries].reshape(heads, queries, 1)
    boxes = floats[heads * queries :].reshape(queries, 4) if box_numbers else None
    return PackedDense(header, steps * (largest / np.float32(STEPS)), boxes)
