"""Derivation of DAT's attention: one grid of keys, bent for all queries of a group together."""

import torch
from torch import Tensor, nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.dat_bias import displacements, log_cpb_bias, table_bias
from deformviz.attention.dat_reference import (
    attend,
    attention_logits,
    deform,
    query_grid,
    reference_grid,
    sample_knots,
    scale_offsets,
)
from deformviz.walkthrough.asked import AskedGrid
from deformviz.walkthrough.blackboard import Blackboard, sums_to_one
from deformviz.walkthrough.step import Worked

SOURCE = "DAT (arXiv 2201.00520), Sec. 3.2"
PLUS = "DAT++ (arXiv 2309.01430), Sec. 3"


class UnusualAttentionError(ValueError):
    """An option of DAT's attention that this derivation does not cover."""


def work_out(asked: AskedGrid) -> Worked:
    """The asked pixel of a deformed grid."""
    return dat(asked.module, asked.features, asked.query)


@torch.no_grad()
def dat(module: DATAttention, features: Tensor, query: int) -> Worked:
    """DMHA(x) for one pixel of the first image.

    Args:
        features: what the module reads [batch channel height width].
        query: pixel of the map, row by row.

    Raises:
        UnusualAttentionError: the module does not deform, or its bias is not a table or log-CPB.
    """
    if module.no_offset or module.position_bias not in ("table", "log_cpb", "none"):
        raise UnusualAttentionError(
            f"This layer has no_offset={module.no_offset} and position_bias="
            f"{module.position_bias!r}; the derivation covers deformed grids with 'table', "
            f"'log_cpb' or no bias."
        )
    board, features = Blackboard("dat"), features[:1]
    query_map, positions = _write_grid(board, module, features)
    sampled = board.write(
        "sampled_features",
        sample_knots,
        features,
        positions,
        symbol=r"\tilde{x}",
        equation=r"\phi(\term{features}; \term{positions})",
        axes="channel knot",
        source=f"{SOURCE}, Eq. 7 and 8: bilinear, align_corners=True",
    )
    key = _project(board, "key", r"\tilde{k}", "W_k", module.proj_k, sampled)
    value = _project(board, "value", r"\tilde{v}", "W_v", module.proj_v, sampled)
    logits = board.write(
        "scores",
        attention_logits,
        query_map.flatten(2)[..., query : query + 1],
        key,
        module.heads,
        symbol="s^{(m)}",
        equation=r"\term{query_map}^{(m)} \term{key}^{(m)\top} \,/\, \sqrt{d}",
        axes="head knot",
        source=f"{SOURCE}, Eq. 9",
        pick=lambda raw: raw[0, :, 0],
    )
    attended = _write_weights(board, module, features, positions, logits, value, query)
    board.write(
        "output",
        module.proj_out,
        attended[..., None],
        symbol="z_q",
        equation=r"\term{attended} \, W_o + b",
        axes="channel",
        source=f"{SOURCE}, Eq. 3",
        pick=lambda raw: raw[0, :, 0, 0],
    )
    said, _ = module(features)
    bias = "" if module.position_bias == "none" else r" + \term{position_bias}"
    return board.finished(
        said.flatten(2)[0, :, query],
        (
            r"z^{(m)} = \mathrm{softmax} \left( \term{query_map}^{(m)} \term{key}^{(m)\top} \,/\, "
            rf"\sqrt{{d}}{bias} \right) \term{{value}}^{{(m)}}"
        ),
    )


def _write_grid(board: Blackboard, module: DATAttention, features: Tensor) -> tuple:
    """From the map to where its features are read."""
    version, factor = module.version, module.offset_range_factor
    code = f"{SOURCE}; code of version {version!r}"
    board.given("features", features, symbol="x", axes="channel row column", source=SOURCE)
    query_map = board.write(
        "query_map",
        module.proj_q,
        features,
        symbol="q",
        equation=r"\term{features} \, W_q + b",
        axes="channel row column",
        source=f"{SOURCE}, Eq. 6",
    )
    raw_offsets, grid_hw = _write_offset_network(board, module, query_map)
    reference = board.write(
        "reference_grid",
        reference_grid,
        grid_hw,
        version,
        features,
        symbol="p",
        equation=r"2 \frac{i + 1/2}{H_k" + ("" if version == "v1" else " - 1") + "} - 1",
        axes="knot yx",
        source=code,
        unit="[-1, 1]",
    )
    bounded = factor > 0 or (factor == 0 and version == "++")
    span = "H_k" if version == "v1" else "(H_k - 1)"
    offsets = board.write(
        "offsets",
        scale_offsets,
        raw_offsets,
        grid_hw,
        factor,
        version,
        symbol=r"\Delta p",
        equation=rf"\frac{{s}}{{{span}}} \tanh \term{{raw_offsets}}"
        if bounded
        else r"\term{raw_offsets}",
        axes="group knot yx",
        source=code,
        unit="[-1, 1]",
    )
    added = r"\term{reference_grid} + \term{offsets}"
    if not bounded:
        squash = r"\tanh" if version == "v1" else r"\mathrm{clamp}_{-1}^{1}"
        added = f"{squash}({added})"
    positions = board.write(
        "positions",
        deform,
        reference,
        offsets,
        factor,
        version,
        symbol="p'",
        equation=added,
        axes="group knot yx",
        source=f"{code}, Eq. 7",
        unit="[-1, 1]",
    )
    return query_map, positions


def _write_offset_network(board: Blackboard, module: DATAttention, query_map: Tensor) -> tuple:
    """The network's four layers, each for itself: raw offsets, and how many knots there are."""
    network = module.conv_offset
    first = network[0]
    assert isinstance(first, nn.Conv2d)
    kernel = first.kernel_size[0]

    def depthwise(query_map: Tensor) -> Tensor:
        return first(query_map.unflatten(1, (module.groups, -1)).flatten(0, 1))

    last = board.write(
        "depthwise",
        depthwise,
        query_map,
        symbol="h",
        equation=rf"\mathrm{{DWConv}}_{{{kernel} \times {kernel}}}(\term{{query_map}})",
        axes="group channel row column",
        source=f"{SOURCE}, Fig. 2",
    )
    for name, layer, symbol, function in (
        ("depthwise_normed", network[1], "h'", r"\mathrm{LN}"),
        ("depthwise_active", network[2], "h''", r"\mathrm{GELU}"),
    ):
        last = board.write(
            name,
            layer,
            last,
            symbol=symbol,
            equation=rf"{function}(\term{{{board.steps[-1].name}}})",
            axes="group channel row column",
            source=f"{SOURCE}, Fig. 2",
        )
    grid_hw = last.shape[-2], last.shape[-1]

    def pointwise(active: Tensor) -> Tensor:
        return network[3](active).flatten(2).transpose(1, 2)[None]

    return board.write(
        "raw_offsets",
        pointwise,
        last,
        symbol=r"\theta(q)",
        equation=r"\mathrm{Conv}_{1 \times 1}(\term{depthwise_active})",
        axes="group knot yx",
        source=f"{SOURCE}, Eq. 7 and Fig. 2",
    ), grid_hw


def _project(board, name, symbol, matrix, projection, sampled) -> Tensor:
    """Keys or values: a 1x1 convolution over the knots, [batch channel knot]."""

    def project(sampled: Tensor) -> Tensor:
        return projection(sampled[:, :, None]).squeeze(2)

    return board.write(
        name,
        project,
        sampled,
        symbol=symbol,
        equation=rf"\term{{sampled_features}} \, {matrix} + b",
        axes="channel knot",
        source=f"{SOURCE}, Eq. 6",
    )


def _write_weights(board, module, features, positions, logits, value, query) -> Tensor:
    """Position bias, softmax and the weighted sum: [1 channel query]."""
    bias = None
    if module.position_bias != "none":
        bias = _write_bias(board, module, features, positions, query)
    inner = r"\term{scores}" + ("" if bias is None else r" + \term{position_bias}")
    weights = board.write(
        "attention_weights",
        weigh,
        logits,
        bias,
        symbol="A^{(m)}",
        equation=rf"\mathrm{{softmax}}({inner})",
        axes="head knot",
        source=f"{SOURCE}, Eq. 9",
        pick=lambda raw: raw[0, :, 0],
        checks=sums_to_one(1, over="knot"),
    )
    return board.write(
        "attended",
        attend,
        weights,
        value,
        symbol="[z^{(m)}]",
        equation=r"[\term{attention_weights} \, \term{value}^{(m)}]_{m=1 \ldots M}",
        axes="channel",
        source=f"{SOURCE}, Eq. 9",
        pick=lambda raw: raw[0, :, 0],
    )


def weigh(scores: Tensor, position_bias: Tensor | None) -> Tensor:
    """A^(m): one softmax over all knots per head and query, [batch head query knot]."""
    return (scores if position_bias is None else scores + position_bias).softmax(-1)


def _write_bias(board, module, features, positions, query) -> Tensor:
    size_hw = features.shape[-2], features.shape[-1]
    starts = board.write(
        "query_position",
        query_grid,
        size_hw,
        module.version,
        positions,
        symbol="p_q",
        equation=r"2 \frac{i + 1/2}{H} - 1" if module.version == "v1" else r"2 \frac{i}{H - 1} - 1",
        axes="yx",
        source=f"code of version {module.version!r}",
        unit="[-1, 1]",
        pick=lambda raw: raw[query],
    )
    shift = board.write(
        "displacements",
        displacements,
        starts[query : query + 1],
        positions,
        symbol="R",
        equation=r"\term{query_position} - \term{positions}",
        axes="group knot yx",
        source=SOURCE,
        unit="[-2, 2]",
        pick=lambda raw: raw[0, :, 0],
    )
    table = module.position_bias == "table"
    return board.write(
        "position_bias",
        table_bias if table else log_cpb_bias,
        module.rpe_table,
        shift,
        symbol=r"\phi(\hat{B}; R)" if table else r"\mathrm{MLP}(\log R)",
        equation=r"\phi(\hat{B}; \tfrac{1}{2} \term{displacements})"
        if table
        else r"\mathrm{MLP}(\mathrm{sign} \cdot \log_8(1 + 4 |\term{displacements}|))",
        axes="head knot",
        source=f"{SOURCE}, Eq. 9" if table else PLUS,
        pick=lambda raw: raw[0, :, 0],
    )
