"""Derivations of Eq. 3 (several levels, points or boxes) and Eq. 2 (one level)."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from deformviz.attention.deformable import DeformableAttention, MultiScaleDeformableAttention
from deformviz.attention.reference import (
    aggregate,
    locations_from_boxes,
    locations_from_points,
    merge_heads,
    offset_normaliser,
    sample,
    sampling_locations,
    split_heads,
    split_offsets,
)
from deformviz.geometry import level_starts, shapes_list
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.blackboard import Blackboard, sums_to_one
from deformviz.walkthrough.observe import AttentionInputs
from deformviz.walkthrough.step import Check, Worked

SECTION = "Deformable DETR, Sec. 4.1"
APPENDIX = "Deformable DETR, Appendix A.4"


def work_out(asked: Asked) -> Worked:
    """Eq. 3 for the asking query."""
    return multi_scale(asked.module, asked.inputs, asked.query)


def work_out_one_level(asked: Asked) -> Worked:
    """Eq. 2 for the asking query, on the level of the chosen sample."""
    return single_scale(asked.module, asked.inputs, asked.query, asked.level)


def multi_scale(
    module: MultiScaleDeformableAttention, inputs: AttentionInputs, query: int
) -> Worked:
    """MSDeformAttn(z_q, p_q, {x^l}) for one query of the first image (Eq. 3)."""
    return _derive(Blackboard("multi_scale"), module, inputs.of_query(query), "mlqk", "Eq. 3")


def single_scale(
    module: MultiScaleDeformableAttention, inputs: AttentionInputs, query: int, level: int
) -> Worked:
    """DeformAttn(z_q, p_q, x) on one level (Eq. 2), with the weights this layer has for it.

    Eq. 2 knows one map only, so the softmax runs over its K points alone: this is the layer as it
    would be without the other levels, not a part of what Eq. 3 computes.
    """
    alone, inputs = one_level(module, inputs.of_query(query), level)
    return _derive(Blackboard("single_scale"), alone, inputs, "mqk", "Eq. 2")


def one_level(
    module: MultiScaleDeformableAttention, inputs: AttentionInputs, level: int
) -> tuple[MultiScaleDeformableAttention, AttentionInputs]:
    """The single-scale module inside a multi-scale one, and its inputs."""
    heads, levels, points = module.heads, module.levels, module.points
    channels = module.output_proj.in_features
    alone = DeformableAttention(channels, heads, points).to(module.output_proj.weight)
    alone.load_state_dict(
        {
            name: _rows_of_level(name, tensor, heads, levels, level)
            for name, tensor in module.state_dict().items()
        }
    )
    alone.formulas = module.formulas
    start = level_starts(inputs.spatial_shapes)[level]
    height, width = shapes_list(inputs.spatial_shapes)[level]
    pixels = slice(start, start + height * width)
    mask = inputs.padding_mask
    return alone, replace(
        inputs,
        references=inputs.references[:, :, level : level + 1],
        value_input=inputs.value_input[:, pixels],
        spatial_shapes=[(height, width)],
        padding_mask=None if mask is None else mask[:, pixels],
    )


def _rows_of_level(name: str, tensor: Tensor, heads: int, levels: int, level: int) -> Tensor:
    if not name.startswith(("sampling_offsets", "attention_weights")):
        return tensor
    return tensor.unflatten(0, (heads, levels, -1))[:, level].flatten(0, 1)


def module_output(module: MultiScaleDeformableAttention, inputs: AttentionInputs) -> Tensor:
    """What the module itself says to a single query: [embedding]."""
    # The class's own forward: DeformableAttention takes a map where we have its pixels.
    output, _ = MultiScaleDeformableAttention.forward(
        module,
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
        traced=False,
    )
    return output[0, 0]


@torch.no_grad()
def _derive(
    board: Blackboard,
    module: MultiScaleDeformableAttention,
    inputs: AttentionInputs,
    index: str,
    equation: str,
) -> Worked:
    """`index` are the paper's: "mlqk", or "mqk" without levels."""
    source = f"{SECTION}, {equation}"
    query, references = _write_given(board, module, inputs, index, source)
    value = _write_value(board, module, inputs, source)
    offsets, weights = _write_heads(board, module, query, index, source)
    locations = _write_locations(
        board, module, references, offsets, inputs.spatial_shapes, index, source
    )
    level = "" if index == "mqk" else "l"
    sums = r"\sum_{k=1}^{K}" if index == "mqk" else r"\sum_{l=1}^{L} \sum_{k=1}^{K}"
    sampled = board.write(
        "sampled_values",
        sample,
        value,
        inputs.spatial_shapes,
        locations,
        symbol=rf"W'_m x{'^l' if level else ''}(p_{{{index}}})",
        equation=r"\mathrm{bilinear}(\term{value}, \term{sampling_locations})",
        axes="head level point channel",
        source=f"{source}; bilinear: Deformable ConvNets, Eq. 3",
    )
    attended = board.write(
        "attended",
        aggregate,
        sampled,
        weights,
        symbol="s_{mq}",
        equation=rf"\part{{attended}}{{{sums}}} \term{{attention_weights}} "
        r"\cdot \term{sampled_values}",
        axes="head channel",
        source=source,
    )
    merged = board.write(
        "merged",
        merge_heads,
        attended,
        symbol="s_q",
        equation=r"[\term{attended}]_{m=1 \ldots M}",
        axes="embedding",
        source=source,
    )
    board.write(
        "output",
        module.output_proj,
        merged,
        symbol=r"\mathrm{out}_q",
        equation=r"\part{output}{\sum_{m=1}^{M}} \term{output_proj} \, \term{attended} + b",
        axes="embedding",
        source=source,
    )
    name = "MSDeformAttn" if level else "DeformAttn"
    references_term = _reference_term(inputs.references)
    return board.finished(
        module_output(module, inputs),
        (
            rf"\mathrm{{{name}}}(\term{{query}}, {references_term}, \term{{value_input}}) = "
            r"\part{output}{\sum_{m=1}^{M}} \term{output_proj} "
            rf"[ \part{{attended}}{{{sums}}} \term{{attention_weights}} \cdot "
            r"\term{sampled_values} ]"
        ),
    )


def _write_given(board, module, inputs, index, source) -> tuple[Tensor, Tensor]:
    query = board.given(
        "query",
        inputs.query,
        symbol="z_q",
        axes="embedding",
        source=f"{source}: content and position of the query, added",
    )
    kind = "reference_points" if inputs.references.shape[-1] == 2 else "reference_boxes"
    last = "xy" if kind == "reference_points" else "cxcywh"
    references = board.given(
        kind,
        inputs.references,
        symbol=r"\hat{p}_q",
        axes=f"level {last}",
        source=source,
        unit="normalised",
    )
    board.given(
        "value_input",
        inputs.value_input,
        symbol="x" if index == "mqk" else r"\{x^l\}",
        axes="pixel embedding",
        source=f"{source}: the maps of all levels, one after another",
        pick=lambda raw: raw[0],
    )
    _write_parameters(board, module)
    return query, references


def _write_parameters(board: Blackboard, module: MultiScaleDeformableAttention) -> None:
    """The four learnt matrices; the paper names only W and W'."""
    rows = (
        ("value_proj", module.value_proj, "W'"),
        ("offset_matrix", module.sampling_offsets, r"W_{\Delta}"),
        ("weight_matrix", module.attention_weights, "W_A"),
        ("output_proj", module.output_proj, "W_m"),
    )
    for name, layer, symbol in rows:
        board.given(name, layer.weight, symbol=symbol, axes="row column", source=SECTION)


def _write_value(board, module, inputs, source) -> Tensor:
    projected = board.write(
        "projected_value",
        module.value_proj,
        inputs.value_input,
        symbol="v",
        equation=r"\term{value_proj} \, \term{value_input} + b",
        axes="pixel embedding",
        source=source,
        pick=lambda raw: raw[0],
    )
    masked = board.write(
        "masked_value",
        module.formulas.mask_value,
        projected,
        inputs.padding_mask,
        symbol=r"\hat{v}",
        equation=r"\term{projected_value} \cdot [\mathrm{not\ padding}]",
        axes="pixel embedding",
        source="Deformable DETR, published code",
        pick=lambda raw: raw[0],
        checks=_zero_where(inputs.padding_mask),
    )
    return board.write(
        "value",
        split_heads,
        masked,
        module.heads,
        symbol="W'_m x",
        equation=r"\mathrm{split}_M(\term{masked_value})",
        axes="pixel head channel",
        source=source,
        pick=lambda raw: raw[0],
    )


def _zero_where(padding_mask: Tensor | None) -> Callable[[Tensor], tuple[Check, ...]]:
    def check(value: Tensor) -> tuple[Check, ...]:
        if padding_mask is None:
            return ()
        return (Check("zero in the padding", not bool(value[padding_mask[0]].any())),)

    return check


def _write_heads(board, module, query, index, source) -> tuple[Tensor, Tensor]:
    """The two linear layers that read the query: offsets and weights."""
    sizes = module.heads, module.levels, module.points
    raw_offsets = board.write(
        "raw_offsets",
        module.sampling_offsets,
        query,
        symbol="o_q",
        equation=r"\term{offset_matrix} \, \term{query} + b",
        axes="row",
        source=f"{source}: 2MK channels per level",
    )
    offsets = board.write(
        "sampling_offsets",
        split_offsets,
        raw_offsets,
        *sizes,
        symbol=rf"\Delta p_{{{index}}}",
        equation=r"\mathrm{split}_{M,L,K,2}(\term{raw_offsets})",
        axes="head level point xy",
        source=source,
        unit="feature pixels, or shares of the box",
    )
    logits = board.write(
        "attention_logits",
        module.attention_weights,
        query,
        symbol="a_q",
        equation=r"\term{weight_matrix} \, \term{query} + b",
        axes="row",
        source=f"{source}: MK channels per level",
    )
    over = r"\sum_{k'} \exp \, a_{mqk'}" if index == "mqk" else r"\sum_{l'k'} \exp \, a_{ml'qk'}"
    weights = board.write(
        "attention_weights",
        module.formulas.normalise_weights,
        logits,
        *sizes,
        symbol=f"A_{{{index}}}",
        equation=rf"\exp \, a_{{{index}}} \,/\, {over}",
        axes="head level point",
        source=source,
        checks=sums_to_one(1, 2, over="level and point together"),
    )
    return offsets, weights


def _write_locations(board, module, references, offsets, shapes, index, source) -> Tensor:
    common = {"axes": "head level point xy", "unit": "normalised", "symbol": f"p_{{{index}}}"}
    locate = module.formulas.sampling_locations
    if locate is not sampling_locations:  # a broken formula: show it as it is
        return board.write(
            "sampling_locations",
            locate,
            references,
            offsets,
            shapes,
            equation=r"\mathrm{locate}("
            + _reference_term(references)
            + r", \term{sampling_offsets})",
            source=source,
            **common,
        )
    if references.shape[-1] == 4:
        return board.write(
            "sampling_locations",
            locations_from_boxes,
            references,
            offsets,
            equation=r"\term{reference_boxes}^{xy} + \frac{\term{sampling_offsets}}{K} \cdot "
            r"\frac{1}{2} \term{reference_boxes}^{wh}",
            source=APPENDIX,
            **common,
        )
    board.write(
        "offset_normaliser",
        offset_normaliser,
        shapes,
        offsets,
        symbol="(W_l, H_l)",
        equation=r"(W_l, H_l)",
        axes="level xy",
        source=source,
        unit="feature pixels",
        pick=lambda raw: raw,
    )
    return board.write(
        "sampling_locations",
        locations_from_points,
        references,
        offsets,
        shapes,
        equation=r"\term{reference_points} + \term{sampling_offsets} \,/\, "
        r"\term{offset_normaliser}",
        source=source,
        **common,
    )


def _reference_term(references: Tensor) -> str:
    return rf"\term{{{'reference_points' if references.shape[-1] == 2 else 'reference_boxes'}}}"
