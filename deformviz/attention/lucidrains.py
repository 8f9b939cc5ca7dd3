"""lucidrains/deformable-attention (0.0.20) in one, two and three dimensions.

A popular reading of DAT with its own coordinates. "shipped" reproduces them with their faults:
grids are normalised by size - 1 but sampled with `align_corners=False`, so that zero offsets do
not read pixel centres; in 2-D x is divided by the height and y by the width; in 3-D the axes
(frame, height, width) are handed to grid_sample as (x, y, z), which reads frames along the width.
"corrected" reads what was meant: index i of n is the centre of the i-th cell, axes in their order.
"""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import ShapeError
from deformviz.schema import GridTrace, SpaceTrace

MODES = ("shipped", "corrected")
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def index_grid(sizes: tuple[int, ...], like: Tensor) -> Tensor:
    """Cell indices [axis *sizes]; 2-D counts (x, y), 1-D and 3-D their axes in order."""
    ranges = [torch.arange(size, dtype=like.dtype, device=like.device) for size in sizes]
    grid = torch.stack(torch.meshgrid(*ranges, indexing="ij"))
    return grid.flip(0) if len(sizes) == 2 else grid


def to_sampling_grid(indices: Tensor, sizes: tuple[int, ...], mode: str) -> Tensor:
    """Indices [.. axis *sizes] as what grid_sample receives, [.. *sizes axis].

    grid_sample expects (x), (x, y) or (x, y, z). "shipped": 2 i / (n - 1) - 1, the n of 2-D
    taken in the order (height, width) for (x, y), the axes of 3-D not reversed.
    "corrected": (2 i + 1) / n - 1 with every axis' own n, 3-D reversed to (x, y, z).
    """
    axis = -1 - len(sizes)
    coordinates = indices.unbind(axis)
    if mode == "shipped":
        scaled = [
            2.0 * values / max(size - 1, 1) - 1.0
            for values, size in zip(coordinates, sizes, strict=True)
        ]
        return torch.stack(scaled, dim=-1)
    own_sizes = tuple(reversed(sizes)) if len(sizes) == 2 else sizes
    scaled = [
        (2.0 * values + 1.0) / size - 1.0
        for values, size in zip(coordinates, own_sizes, strict=True)
    ]
    return torch.stack(scaled[::-1] if len(sizes) == 3 else scaled, dim=-1)


def sample(features: Tensor, grid: Tensor) -> Tensor:
    """Bilinear samples of features [batch channel *sizes] at grid [batch *knots axis]."""
    if grid.shape[-1] > 1:
        return F.grid_sample(
            features, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
    # A sequence is a picture one pixel wide; x = 0 is the middle of that pixel.
    grid = F.pad(grid, (1, 0)).unsqueeze(-2)
    sampled = F.grid_sample(
        features.unsqueeze(-1), grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return sampled.squeeze(-1)


class PositionBias(nn.Module):
    """A network of the displacement between query and knot; sign(d) ln(|d| + 1) if `log`."""

    def __init__(self, dimensions: int, width: int, outputs: int, *, log: bool = True):
        super().__init__()
        self.log = log
        self.mlp = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(dimensions, width), nn.ReLU()),
                nn.Sequential(nn.Linear(width, width), nn.ReLU()),
                nn.Linear(width, outputs),
            ]
        )

    def forward(self, queries: Tensor, knots: Tensor) -> Tensor:
        """queries [query axis], knots [batch group knot axis] -> [batch head query knot]."""
        signal = queries[:, None] - knots[:, :, None]
        if self.log:
            signal = signal.sign() * (signal.abs() + 1).log()
        for layer in self.mlp:
            signal = layer(signal)
        return rearrange(signal, "batch group query knot head -> batch (group head) query knot")


class _Scale(nn.Module):
    """Multiplies by a number, or by one per axis (then a buffer, as in the original's 3-D)."""

    def __init__(self, scale, dimensions: int):
        super().__init__()
        if dimensions < 3:
            self.scale = scale
        else:
            values = scale if isinstance(scale, (tuple, list)) else (scale,) * 3
            self.register_buffer("scale", torch.tensor(values, dtype=torch.float32))

    def forward(self, offsets: Tensor) -> Tensor:
        if isinstance(self.scale, Tensor):
            return offsets * self.scale[:, None, None, None]
        return offsets * self.scale


def _per_axis(value, dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else tuple(value)


class LucidrainsAttention(nn.Module):
    """Deformable attention over a sequence, map or volume; original parameter names.

    Offsets are tanh times `offset_scale`, in cells of the keys' grid.
    """

    def __init__(
        self,
        channels: int,
        dimensions: int = 2,
        *,
        heads: int = 8,
        head_channels: int = 64,
        stride=4,
        offset_kernel=6,
        offset_scale=None,
        groups: int | None = None,
        group_queries: bool = True,
        group_keys: bool = True,
        log_distance: bool = True,
        mode: str = "shipped",
    ):
        """
        Args:
            dimensions: 1, 2 or 3.
            stride, offset_kernel: of the offset network, one number or one per axis; their
                difference must be even.
            offset_scale: reach of an offset, `stride` if None.
            groups: how many share-outs of the channels deform on their own, `heads` if None.
            log_distance: feed the position bias log-distances (1-D may choose).
            mode: "shipped" or "corrected".

        Raises:
            ValueError: sizes do not fit together, or `mode` is not known.
        """
        super().__init__()
        groups = groups or heads
        kernels, strides = _per_axis(offset_kernel, dimensions), _per_axis(stride, dimensions)
        if mode not in MODES or dimensions not in CONVOLUTIONS:
            raise ValueError(
                f"mode must be one of {MODES} and dimensions 1, 2 or 3; got mode={mode!r}, "
                f"dimensions={dimensions}."
            )
        if heads % groups or any(
            (k - s) % 2 or k < s for k, s in zip(kernels, strides, strict=True)
        ):
            raise ValueError(
                f"heads must be a multiple of groups, and offset_kernel at least the stride with "
                f"an even difference; got heads={heads}, groups={groups}, "
                f"offset_kernel={kernels}, stride={strides}."
            )
        self.dimensions, self.heads, self.groups, self.mode = dimensions, heads, groups, mode
        conv, inner = CONVOLUTIONS[dimensions], heads * head_channels
        width = inner // groups
        padding = tuple((k - s) // 2 for k, s in zip(kernels, strides, strict=True))
        self.to_offsets = nn.Sequential(
            conv(width, width, kernels, strides, padding, groups=width),
            nn.GELU(),
            conv(width, dimensions, 1, bias=False),
            nn.Tanh(),
            _Scale(stride if offset_scale is None else offset_scale, dimensions),
        )
        self.rel_pos_bias = PositionBias(
            dimensions, channels // 4, heads // groups, log=log_distance
        )
        key_groups = groups if group_keys else 1
        self.to_q = conv(channels, inner, 1, groups=groups if group_queries else 1, bias=False)
        self.to_k = conv(channels, inner, 1, groups=key_groups, bias=False)
        self.to_v = conv(channels, inner, 1, groups=key_groups, bias=False)
        self.to_out = conv(inner, channels, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, GridTrace | SpaceTrace]:
        """[batch channel *sizes] -> the same, and the trace: of a map, or of 1-D or 3-D space."""
        if features.dim() != self.dimensions + 2:
            raise ShapeError(
                f"features has {features.dim()} axes, expected {self.dimensions + 2}: batch, "
                f"channel and {self.dimensions} of space."
            )
        sizes = tuple(features.shape[2:])
        query_map = self.to_q(features)
        indices = self.knot_indices(query_map)
        knot_sizes = tuple(indices.shape[-self.dimensions :])
        grid = to_sampling_grid(indices, knot_sizes, self.mode)
        maps = features.unflatten(1, (self.groups, -1)).flatten(0, 1)
        sampled = sample(maps, grid).unflatten(0, (-1, self.groups)).flatten(1, 2)
        queries = to_sampling_grid(index_grid(sizes, features), sizes, self.mode).flatten(0, -2)
        knots = grid.unflatten(0, (-1, self.groups)).flatten(2, -2)
        bias = self.rel_pos_bias(queries, knots)
        output, weights = self.attend(query_map, sampled, bias)
        if self.dimensions != 2:
            return output, self._space_trace(knots, weights, bias, output, knot_sizes)
        return output, self._trace(knots, queries, sampled, weights, bias, output, knot_sizes)

    def knot_indices(self, query_map: Tensor) -> Tensor:
        """Where the knots lie in cells of their own grid, [(batch group) axis *knots]."""
        offsets = self.to_offsets(query_map.unflatten(1, (self.groups, -1)).flatten(0, 1))
        return index_grid(tuple(offsets.shape[2:]), offsets) + offsets

    def attend(self, query_map: Tensor, sampled: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Softmax attention; the output map and the weights [batch head query knot]."""
        query, key, value = (
            rearrange(
                tensor.flatten(2),
                "batch (head channel) item -> batch head item channel",
                head=self.heads,
            )
            for tensor in (query_map, self.to_k(sampled), self.to_v(sampled))
        )
        logits = (
            einsum(
                query * query.shape[-1] ** -0.5,
                key,
                "batch head query channel, batch head knot channel -> batch head query knot",
            )
            + bias
        )
        weights = logits.softmax(-1)
        output = einsum(
            weights,
            value,
            "batch head query knot, batch head knot channel -> batch head channel query",
        ).flatten(1, 2)
        return self.to_out(output.unflatten(2, query_map.shape[2:])), weights

    def _trace(self, knots, queries, sampled, weights, bias, output, knot_hw) -> GridTrace:
        positions = knots.flip(-1)
        start = index_grid(knot_hw, knots)
        reference = to_sampling_grid(start, knot_hw, self.mode).flatten(0, -2).flip(-1)
        return GridTrace(
            reference_grid=reference.expand_as(positions),
            offsets=positions - reference,
            positions=positions,
            attention_weights=weights,
            position_bias=bias,
            sampled_features=sampled.flatten(2),
            query_grid=queries.flip(-1).expand(len(output), -1, -1),
            output=output.flatten(2),
            grid_hw=knot_hw,
            query_hw=tuple(output.shape[2:]),
            version=f"lucidrains {self.mode}",
            align_corners=False,
        )

    def _space_trace(self, knots, weights, bias, output, knot_sizes) -> SpaceTrace:
        start = index_grid(knot_sizes, knots)
        reference = to_sampling_grid(start, knot_sizes, self.mode).flatten(0, -2)
        return SpaceTrace(
            reference_grid=reference.expand_as(knots),
            offsets=knots - reference,
            positions=knots,
            attention_weights=weights,
            position_bias=bias,
            output=output.flatten(2),
            grid_sizes=knot_sizes,
            query_sizes=tuple(output.shape[2:]),
            version=f"lucidrains {self.mode}",
        )
