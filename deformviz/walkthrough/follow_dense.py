"""A layer of a DETR whose queries look at every cell of the map, on the picture."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.models.detr import DETR
from deformviz.models.parts import private_copy
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess
from deformviz.schema import Detections, ImageFrame, Trace
from deformviz.tracing.dense_samples import dense_as_samples
from deformviz.walkthrough.followed import Followed
from deformviz.walkthrough.multi_head import multi_head
from deformviz.walkthrough.passes import MOST_DETECTIONS, Material
from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.subject import Subject
from deformviz.words import say

DERIVATION = "multi_head"


@dataclass(frozen=True)
class DensePass:
    """One forward pass of a DETR, with what its attentions to the map were called with."""

    trace: Trace  # of one image, on the CPU
    modules: dict[str, nn.MultiheadAttention]  # "encoder.0", .. "decoder.0", ..
    inputs: dict[str, tuple[Tensor, Tensor, Tensor]]  # query, key, value [batch token embedding]
    detections: Detections
    no_object: bool


def dense_layers(model: DETR) -> dict[str, nn.MultiheadAttention]:
    """Attentions to the map that Eq. 1 alone describes; DAB-DETR's decoder has another form."""
    found: dict[str, nn.MultiheadAttention] = {}
    for side, name in (("encoder", "self_attn"), ("decoder", "cross_attn")):
        layers = model.transformer.get_submodule(f"{side}.layers")
        for index, layer in enumerate(layers.children()):
            module = layer.get_submodule(name)
            if isinstance(module, nn.MultiheadAttention):
                found[f"{side}.{index}"] = module
    return found


@torch.no_grad()
def look_densely(model: DETR, pixels: Tensor, frame: ImageFrame, on_layer=None) -> DensePass:
    """Run a private copy of the model on one normalised image [3 H W]."""
    watched = private_copy(model)
    inputs: dict[str, Any] = {}
    for layer, module in dense_layers(watched).items():
        module.register_forward_pre_hook(_keeping(inputs, layer))
    output, traces = watched([pixels], on_layer=on_layer)
    one = output.image(0).map(lambda tensor: tensor.cpu())
    config = model.config
    found = postprocess(
        one,
        frame.original_hw,
        top=MOST_DETECTIONS,
        class_names=config.class_names,
        no_object=config.no_object,
    )
    records = {name: record.image(0).map(lambda t: t.cpu()) for name, record in traces.items()}
    trace = Trace(records, frame, found, one)
    return DensePass(trace, dense_layers(model), inputs, found, config.no_object)


def _keeping(inputs: dict[str, Any], layer: str) -> Callable[..., None]:
    def hook(module: nn.Module, given: tuple[Any, ...]) -> None:
        inputs[layer] = given[:3]

    return hook


def follow_dense(subject: Subject, material: Material, model: DETR) -> Followed:
    """Eq. 1 for one query of a layer, whatever derivation was chosen: there is no other here."""
    key = (material.key, "dense")
    if key not in material.passes:
        pixels, frame = preprocess(material.picture(), model.config)
        like = next(model.parameters())
        material.passes[key] = look_densely(
            model, pixels.to(like.device, like.dtype), frame, material.on_layer
        )
    seen: DensePass = material.passes[key]
    layers = tuple(seen.modules)
    layer = subject.layer if subject.layer in layers else layers[-1]
    drawn = dense_as_samples(seen.trace, layer)
    assert drawn is not None  # these layers look at a map
    module, (queries, keys, values) = seen.modules[layer], seen.inputs[layer]
    count = queries.shape[1]
    first = int(seen.detections.queries[0]) if layer.startswith("decoder") else count // 2
    query = first if subject.query is None else subject.query
    subject = replace(
        subject,
        derivation=DERIVATION,
        layer=layer,
        query=min(query, count - 1),
        mistake="",
        head=min(subject.head, module.num_heads - 1),
        level=0,
        point=min(subject.point, drawn.drawn - 1),
    )
    worked = multi_head(module, queries, keys, values, subject.query or 0)
    output = replace(seen.trace.output, proposals=None) if seen.trace.output else None
    sight = Sight(
        drawn.trace,
        seen.trace.frame,
        say("sight.dense", drawn=drawn.drawn, keys=drawn.keys),
        seen.detections,
        output,
        seen.no_object,
    )
    sizes = (module.num_heads, 1, drawn.drawn)
    return Followed(subject, worked, sight, None, layers, count, sizes)
