"""Derivation of a gradient: what a loss tells one offset, by hand and by autograd."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deformviz.attention.corners import offset_gradient, pixel_gradient, sample_slopes
from deformviz.attention.deformable import Formulas
from deformviz.attention.reference import sampling_locations, split_levels
from deformviz.geometry import shapes_list
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.schema import AttentionTrace, DetectorOutput
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.bilinear import value_of, write_sample
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.observe import attention_of, private_copy
from deformviz.walkthrough.step import Worked

SOURCE = "chain rule on Deformable DETR, Eq. 3"


@dataclass(frozen=True)
class LayerGradients:
    """What autograd says of one layer, first image only."""

    trace: AttentionTrace
    of_attended: Tensor  # ∂loss/∂(sum of each head) [query head channel]
    of_offsets: Tensor  # ∂loss/∂Δp [query head level point xy]
    locate: Callable[..., Tensor] = sampling_locations  # the layer's own way to a location


def best_score(output: DetectorOutput) -> Tensor:
    """The loss of the page: minus the score of the best detection of the first image."""
    return -output.logits[0].sigmoid().max()


def score_of(query: int) -> Callable[[DetectorOutput], Tensor]:
    """Minus the best class score of one decoder query."""
    return lambda output: -output.logits[0, query].sigmoid().max()


@torch.enable_grad()
def layer_gradients(
    model: DeformableDETR,
    images: Sequence[Tensor],
    layer: str,
    loss: Callable[[DetectorOutput], Tensor] = best_score,
) -> LayerGradients:
    """Backward through a private copy of the model; its parameters gather no gradients."""
    copied = private_copy(model)
    module, kept = attention_of(copied, layer), {}

    def watch_offsets(references, sampling_offsets, spatial_shapes):
        if not sampling_offsets.requires_grad:  # frozen weights: start the graph here
            sampling_offsets = sampling_offsets.detach().requires_grad_()
        kept["offsets"] = sampling_offsets
        return module_formulas.sampling_locations(references, sampling_offsets, spatial_shapes)

    module_formulas: Formulas = module.formulas
    module.formulas = replace(module_formulas, sampling_locations=watch_offsets)
    module.output_proj.register_forward_pre_hook(lambda _, inputs: kept.update(attended=inputs[0]))
    output, traces = copied(list(images), traced=(layer,))
    of_offsets, of_attended = torch.autograd.grad(
        loss(output), (kept["offsets"], kept["attended"]), allow_unused=True, materialize_grads=True
    )
    return LayerGradients(
        traces[layer].image(0).map(Tensor.detach),
        of_attended[0].unflatten(-1, (module.heads, -1)),
        of_offsets[0],
        module_formulas.sampling_locations,
    )


@torch.enable_grad()
def location_slopes(
    locate: Callable[..., Tensor],
    references: Tensor,
    sampling_offsets: Tensor,
    spatial_shapes: Sequence[tuple[int, int]],
    sample: tuple[int, int, int, int],
) -> Tensor:
    """∂(u, v)/∂Δp of one sample [xy offset_xy]: how many pixels a step of its offset leads.

    references [query level xy|cxcywh], sampling_offsets [query head level point xy],
    sample = query, head, level, point.
    """
    offsets = sampling_offsets.detach().requires_grad_()
    height, width = spatial_shapes[sample[2]]
    location = locate(references[None], offsets[None], spatial_shapes)[0][sample]
    pixel = location * location.new_tensor([width, height])
    rows = [torch.autograd.grad(part, offsets, retain_graph=True)[0][sample] for part in pixel]
    return torch.stack(rows)


def gradient_through(location_slopes: Tensor, pixel_gradient: Tensor) -> Tensor:
    """∂loss/∂Δp [offset_xy] by the chain rule: each axis of the place tells every offset."""
    return location_slopes.mT @ pixel_gradient


def work_out(asked: Asked) -> Worked:
    """What the score of the query (in the encoder: the best score) tells the chosen sample."""
    seen, layer = asked.seen, asked.layer
    loss = score_of(asked.query) if layer.startswith("decoder") else best_score
    return gradients(layer_gradients(seen.model, seen.images, layer, loss), *asked.sample)


@torch.no_grad()
def gradients(layer: LayerGradients, query: int, head: int, level: int, point: int) -> Worked:
    """∂loss/∂Δp_mlqk of one sample, from its four corners; autograd has the last word."""
    trace, board = layer.trace, Blackboard("gradients")
    shapes = shapes_list(trace.spatial_shapes)
    size_hw = shapes[level]
    value_map = split_levels(value_of(trace)[None], shapes)[level][0, :, :, head]
    location = trace.sampling_locations[query, head, level, point]
    corner_values, _ = write_sample(board, value_map, location, size_hw)
    weight = board.given(
        "attention_weight",
        trace.attention_weights[query, head, level, point],
        symbol="A_{mlqk}",
        axes="",
        source="Eq. 3",
    )
    upstream = board.given(
        "upstream",
        layer.of_attended[query, head],
        symbol=r"\partial \mathcal{L} / \partial s_{mq}",
        axes="channel",
        source="autograd: what the loss tells the sum of this head",
    )
    slopes = board.write(
        "slopes",
        sample_slopes,
        corner_values,
        location,
        size_hw,
        symbol=r"\partial W'_m x^l(p) / \partial (u, v)",
        equation=r"\sum_r \frac{\partial G(p, r)}{\partial (u, v)} \cdot \term{corner_values}",
        axes="xy channel",
        source=SOURCE,
        unit="per feature pixel",
    )
    of_pixel = board.write(
        "pixel_gradient",
        pixel_gradient,
        slopes,
        upstream,
        weight,
        symbol=r"\partial \mathcal{L} / \partial (u, v)",
        equation=r"\term{attention_weight} \sum_c \term{upstream} \cdot \term{slopes}",
        axes="xy",
        source=SOURCE,
        unit="per feature pixel",
    )
    factor = _write_offset_gradient(board, layer, of_pixel, (query, head, level, point))
    return board.finished(
        layer.of_offsets[query, head, level, point],
        (
            r"\term{offset_gradient} = \term{attention_weight} \sum_c \term{upstream} \cdot "
            rf"\term{{slopes}}{factor}"
        ),
    )


def _write_offset_gradient(
    board: Blackboard, layer: LayerGradients, of_pixel: Tensor, sample: tuple[int, int, int, int]
) -> str:
    """From the place to the offset; returns the factor between both, for the whole equation."""
    trace = layer.trace
    query, _, level, _ = sample
    shapes = shapes_list(trace.spatial_shapes)
    symbol = r"\partial \mathcal{L} / \partial \Delta p_{mlqk}"
    reference = trace.references[query, level]
    boxes = reference.shape[-1] == 4
    reference = board.given(
        "reference",
        reference,
        symbol=r"\hat{p}_q",
        axes="cxcywh" if boxes else "xy",
        source="Eq. 3",
        unit="normalised",
    )
    if layer.locate is not sampling_locations:  # a changed formula: its own slopes
        slopes = board.write(
            "location_slopes",
            location_slopes,
            layer.locate,
            trace.references,
            trace.sampling_offsets,
            shapes,
            sample,
            symbol=r"\partial (u, v) / \partial \Delta p_{mlqk}",
            equation=r"\frac{\partial \, \mathrm{locate}(\term{reference}, \Delta p)}"
            r"{\partial \Delta p} \cdot (W_l, H_l)",
            axes="xy offset_xy",
            source="autograd of the changed formula",
            unit="feature pixels",
        )
        factor = r" \cdot \term{location_slopes}"
        board.write(
            "offset_gradient",
            gradient_through,
            slopes,
            of_pixel,
            symbol=symbol,
            equation=rf"\term{{pixel_gradient}}{factor}",
            axes="xy",
            source=SOURCE,
        )
        return factor
    factor = r" \cdot \frac{(w W_l, h H_l)}{2 K}" if boxes else ""
    board.write(
        "offset_gradient",
        offset_gradient,
        of_pixel,
        reference,
        shapes[level],
        trace.sampling_offsets.shape[-2],
        symbol=symbol,
        equation=rf"\term{{pixel_gradient}}{factor}",
        axes="xy",
        source=SOURCE,
    )
    return factor
