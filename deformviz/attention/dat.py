"""The module: DAT's attention to a deformed grid (arXiv 2201.00520 and 2309.01430)."""

import math

import torch
from einops import rearrange
from torch import Tensor, nn

from deformviz.attention.channel_norm import ChannelNorm
from deformviz.attention.dat_bias import (
    displacements,
    fixed_bias,
    log_cpb_bias,
    log_cpb_lattice,
    make_position_bias,
    table_bias,
)
from deformviz.attention.dat_reference import (
    attend,
    attention_logits,
    average_knots,
    check_version,
    deform,
    query_grid,
    reference_grid,
    sample_knots,
    scale_offsets,
)
from deformviz.axes import check_shape
from deformviz.schema import GridTrace

SURFACE_STEPS = 65  # of a network's bias, drawn as a surface


def offset_padding(kernel: int, stride: int, version: str) -> int:
    """Padding of the offset network: "++" pads nothing when kernel and stride are equal."""
    return 0 if version == "++" and kernel == stride else kernel // 2


def offset_grid_size(
    query_hw: tuple[int, int], kernel: int, stride: int, version: str
) -> tuple[int, int]:
    """(H_k, W_k), how many knots a map of `query_hw` gets."""
    padding = offset_padding(kernel, stride, version)
    height, width = ((size + 2 * padding - kernel) // stride + 1 for size in query_hw)
    return height, width


class DATAttention(nn.Module):
    """Queries of a group share one deformed grid of keys (DAT, Eq. 6 to 9).

    Parameters carry the names of the published checkpoints: `proj_q`, `proj_k`, `proj_v`,
    `proj_out`, `conv_offset`, `rpe_table`.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        groups: int,
        query_hw: tuple[int, int],
        *,
        version: str,
        stride: int = 1,
        offset_kernel: int = 5,
        offset_range_factor: float = -1.0,
        position_bias: str = "table",
        no_offset: bool = False,
        attention_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        """
        Args:
            channels, heads, groups: `channels` divisible by `heads`, `heads` by `groups`.
            query_hw: size of the map the position bias is made for, in feature pixels.
            version: "v1" or "++", see `dat_reference`.
            stride, offset_kernel: of the depthwise convolution that looks for offsets.
            offset_range_factor: twice the cells an offset may reach; negative: anywhere.
            position_bias: "table", "log_cpb", "fixed", "dwc" or "none", see `dat_bias`.
            no_offset: "++" only: average cells instead of deforming; no position bias.

        Raises:
            ValueError: sizes do not fit together, or an option never worked in this version.
        """
        super().__init__()
        _check_options(channels, heads, groups, version, position_bias, no_offset)
        self.heads, self.groups, self.version, self.stride = heads, groups, version, stride
        self.offset_range_factor, self.no_offset = offset_range_factor, no_offset
        self.position_bias = "none" if no_offset else position_bias
        width = channels // groups
        padding = offset_padding(offset_kernel, stride, version)
        self.conv_offset = nn.Sequential(
            nn.Conv2d(width, width, offset_kernel, stride, padding, groups=width),
            ChannelNorm(width),
            nn.GELU(),
            nn.Conv2d(width, 2, 1, bias=False),
        )
        if no_offset:
            self.conv_offset.requires_grad_(False)
        self.proj_q, self.proj_k, self.proj_v, self.proj_out = (
            nn.Conv2d(channels, channels, 1) for _ in range(4)
        )
        grid_hw = query_hw[0] // stride, query_hw[1] // stride
        self.rpe_table = make_position_bias(
            self.position_bias, channels, heads, groups, query_hw, grid_hw
        )
        self.attention_dropout = nn.Dropout(attention_dropout)
        self.output_dropout = nn.Dropout(output_dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, GridTrace]:
        """Attend from every pixel to the knots of its head's group.

        Args:
            features: x [batch channel height width], already normalised.

        Returns:
            output [batch channel height width] (no residual), and the trace.
        """
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.proj_q.in_channels},
        )
        query_hw = features.shape[-2], features.shape[-1]
        query_map = self.proj_q(features)
        raw_offsets, grid_hw = self.propose_offsets(query_map)
        reference = reference_grid(grid_hw, self.version, features)
        reference = reference.expand_as(raw_offsets)
        offsets, positions, sampled = self.read_knots(features, raw_offsets, reference, grid_hw)

        key, value = (
            project(sampled[:, :, None]).squeeze(2) for project in (self.proj_k, self.proj_v)
        )
        bias, starts = self.bias_scores(positions, query_hw)
        logits = attention_logits(query_map.flatten(2), key, self.heads)
        weights = (logits if bias is None else logits + bias).softmax(-1)
        attended = attend(self.attention_dropout(weights), value).unflatten(2, query_hw)
        if self.position_bias == "dwc":
            attended = attended + self._network(query_map)
        output = self.output_dropout(self.proj_out(attended))
        batch = features.shape[0]
        return output, GridTrace(
            reference_grid=reference,
            offsets=offsets,
            positions=positions,
            attention_weights=weights,
            position_bias=None if bias is None else bias.expand_as(weights),
            sampled_features=sampled,
            query_grid=None if starts is None else starts.expand(batch, -1, -1),
            output=output.flatten(2),
            grid_hw=grid_hw,
            query_hw=query_hw,
            version=self.version,
        )

    def propose_offsets(self, query_map: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Raw offsets [batch group knot yx] from the queries, and the grid's (H_k, W_k).

        All groups share the network; its two channels are (dy, dx).
        """
        grouped = rearrange(
            query_map,
            "batch (group channel) height width -> (batch group) channel height width",
            group=self.groups,
        )
        raw = self.conv_offset(grouped)
        grid_hw = raw.shape[-2], raw.shape[-1]
        return rearrange(
            raw, "(batch group) yx height width -> batch group (height width) yx", group=self.groups
        ), grid_hw

    def read_knots(
        self, features: Tensor, raw_offsets: Tensor, reference: Tensor, grid_hw: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Offsets and positions [batch group knot yx], sampled features [batch channel knot]."""
        if self.no_offset:
            offsets = torch.zeros_like(raw_offsets)
            positions = reference
            if self.offset_range_factor < 0:
                positions = deform(reference, offsets, self.offset_range_factor, self.version)
            return offsets, positions, average_knots(features, self.stride)
        factor, version = self.offset_range_factor, self.version
        offsets = scale_offsets(raw_offsets, grid_hw, factor, version)
        positions = deform(reference, offsets, factor, version)
        return offsets, positions, sample_knots(features, positions)

    def bias_scores(
        self, positions: Tensor, query_hw: tuple[int, int]
    ) -> tuple[Tensor | None, Tensor | None]:
        """What to add to the scores [batch head query knot], and the query grid it was read from.

        Both None where the kind of bias does not touch the scores.
        """
        if self.position_bias == "fixed":
            return fixed_bias(self._table, math.prod(query_hw), positions.shape[2]), None
        if self.position_bias in ("none", "dwc"):
            return None, None
        starts = query_grid(query_hw, self.version, positions)
        displacement = displacements(starts, positions)
        if self.position_bias == "table":
            return table_bias(self._table, displacement), starts
        return log_cpb_bias(self._network, displacement), starts

    @property
    def last_offset_layer(self) -> nn.Conv2d:
        """The layer that says the offsets; zero weights leave the grid undeformed."""
        last = self.conv_offset[-1]
        assert isinstance(last, nn.Conv2d)
        return last

    @property
    def _table(self) -> Tensor:
        assert isinstance(self.rpe_table, Tensor)  # of the kinds "table" and "fixed"
        return self.rpe_table

    @property
    def _network(self) -> nn.Module:
        assert isinstance(self.rpe_table, nn.Module)  # of the kinds "log_cpb" and "dwc"
        return self.rpe_table

    @torch.no_grad()
    def bias_surface(self) -> Tensor | None:
        """What a displacement (query minus knot) adds to the scores, [head row column].

        Rows run from -2 to 2 in y, columns in x, as grid_sample with `align_corners=True` reads
        them. None where the bias does not depend on the displacement.
        """
        if self.position_bias == "table":
            return self._table.detach()
        if self.position_bias == "log_cpb":
            return log_cpb_lattice(self._network, self.groups, SURFACE_STEPS)
        return None


def _check_options(channels, heads, groups, version, position_bias, no_offset) -> None:
    check_version(version)
    if min(channels, heads, groups) < 1 or channels % heads or heads % groups:
        raise ValueError(
            f"channels must be a multiple of heads and heads of groups, all positive; got "
            f"channels={channels}, heads={heads}, groups={groups}."
        )
    if version == "v1" and (no_offset or position_bias in ("fixed", "log_cpb")):
        raise ValueError(
            "Version 'v1' has no working no-offset mode and no 'fixed' or 'log_cpb' position bias; "
            "choose version='++'."
        )
