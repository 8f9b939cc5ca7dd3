"""DAT's deformed grid in plain PyTorch, every step a named function.

Two versions of the published code differ in each formula of this file: "v1" (DAT, CVPR 2022) and
"++" (DAT++ and DAT+, 2023). Grid coordinates are (y, x) in [-1, 1] with `align_corners=True`:
-1 and 1 are the centres of the outermost pixels. Symbols follow arXiv 2201.00520, Sec. 3.2.
"""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor

from deformviz.axes import ShapeError

VERSIONS = ("v1", "++")


def check_version(version: str) -> None:
    """Raise ValueError unless `version` is one of the two codes."""
    if version not in VERSIONS:
        raise ValueError(
            f"version must be one of {VERSIONS}, got {version!r}: the two published codes share "
            f"their names but not their formulas."
        )


def _grid(rows: Tensor, columns: Tensor) -> Tensor:
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([y, x], dim=-1).flatten(0, 1)


def reference_grid(grid_hw: tuple[int, int], version: str, like: Tensor) -> Tensor:
    """The undeformed keys p [knot yx], row by row.

    "v1": (i + 0.5) / H_k, symmetric about the middle. "++": (i + 0.5) / (H_k - 1), which is half
    a cell further down and right; the last row and column lie beyond 1.

    Args:
        like: a tensor of the wanted dtype and device.
    """
    spans = grid_hw if version == "v1" else tuple(size - 1 for size in grid_hw)
    rows, columns = (
        (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) / span * 2 - 1
        for size, span in zip(grid_hw, spans, strict=True)
    )
    return _grid(rows, columns)


def query_grid(query_hw: tuple[int, int], version: str, like: Tensor) -> Tensor:
    """Where displacements start: the queries' own coordinates [query yx].

    "v1": (i + 0.5) / H, like the reference grid. "++": i / (H - 1), the true pixel centres.
    """
    if version == "v1":
        return reference_grid(query_hw, version, like)
    if min(query_hw) < 2:
        raise ShapeError(
            f"The queries' map is {query_hw[0]}x{query_hw[1]}; version '++' divides by size - 1, "
            f"so both sides must be at least 2. Use a larger image."
        )
    rows, columns = (
        torch.arange(size, dtype=like.dtype, device=like.device) / (size - 1) * 2 - 1
        for size in query_hw
    )
    return _grid(rows, columns)


def scale_offsets(
    raw_offsets: Tensor, grid_hw: tuple[int, int], range_factor: float, version: str
) -> Tensor:
    """Offsets from the raw output of the offset network, both [batch group knot yx].

    A range factor s bounds them by tanh: "v1" for s > 0, by s / H_k; "++" for s >= 0, by
    s / (H_k - 1). Knots lie 2 / H_k and 2 / (H_k - 1) apart, so that is s / 2 cells. Otherwise they
    stay as they are.
    """
    if range_factor < 0 or (version == "v1" and range_factor == 0):
        return raw_offsets
    if version == "++" and min(grid_hw) < 2:
        raise ShapeError(
            f"The keys' grid is {grid_hw[0]}x{grid_hw[1]}; with an offset range factor of "
            f"{range_factor} version '++' divides by size - 1, so both sides must be at least 2. "
            f"Use a larger image or a smaller stride."
        )
    spans = grid_hw if version == "v1" else tuple(size - 1 for size in grid_hw)
    reach = raw_offsets.new_tensor([range_factor / span for span in spans])
    return raw_offsets.tanh() * reach


def deform(reference: Tensor, offsets: Tensor, range_factor: float, version: str) -> Tensor:
    """Where the features are read: p + delta p [batch group knot yx].

    Bounded offsets may leave [-1, 1], where sampling blends with zeros. Unbounded ones
    (range factor < 0) are kept inside: by tanh of the sum in "v1", by clamping in "++".
    """
    positions = reference + offsets
    if range_factor >= 0:
        return positions
    return positions.tanh() if version == "v1" else positions.clamp(-1.0, 1.0)


def sample_knots(features: Tensor, positions: Tensor) -> Tensor:
    """x(p + delta p): each group's channels read at its own knots, bilinear, zero outside.

    features [batch channel height width], positions [batch group knot yx]
    -> [batch channel knot]. Group g owns the g-th block of channels.
    """
    groups = positions.shape[1]
    maps = rearrange(
        features,
        "batch (group channel) height width -> (batch group) channel height width",
        group=groups,
    )
    grid_xy = rearrange(positions.flip(-1), "batch group knot xy -> (batch group) 1 knot xy")
    sampled = F.grid_sample(
        maps, grid_xy, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    return rearrange(
        sampled, "(batch group) channel 1 knot -> batch (group channel) knot", group=groups
    )


def average_knots(features: Tensor, stride: int) -> Tensor:
    """The no-offset mode of "++": every cell's mean instead of one sample, [batch channel knot]."""
    return F.avg_pool2d(features, stride, stride).flatten(2)


def attention_logits(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """q·k / sqrt(channels per head): query [batch channel query], key [batch channel knot]
    -> [batch head query knot]."""
    query, key = (
        rearrange(tensor, "batch (head channel) item -> batch head channel item", head=heads)
        for tensor in (query, key)
    )
    scale = query.shape[2] ** -0.5
    return (
        einsum(
            query, key, "batch head channel query, batch head channel knot -> batch head query knot"
        )
        * scale
    )


def attend(attention_weights: Tensor, value: Tensor) -> Tensor:
    """Weighted sum of values: [batch head query knot], [batch channel knot]
    -> [batch channel query]."""
    heads = attention_weights.shape[1]
    value = rearrange(value, "batch (head channel) knot -> batch head channel knot", head=heads)
    output = einsum(
        attention_weights,
        value,
        "batch head query knot, batch head channel knot -> batch head channel query",
    )
    return rearrange(output, "batch head channel query -> batch (head channel) query")
