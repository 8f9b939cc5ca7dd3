"""Layers of a detector by their short names, and copies of a model to change them in."""

import copy
from itertools import chain

from torch import nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.deformable_detr import DeformableDETR


def private_copy(model: nn.Module) -> nn.Module:
    """Modules of one's own around the same parameters and buffers; costs no memory to speak of."""
    shared = chain(model.parameters(), model.buffers())
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})


def attention_of(model: DeformableDETR, layer: str) -> MultiScaleDeformableAttention:
    """The deformable attention of "encoder.0", .. or "decoder.0", ..

    Raises:
        KeyError: the model has no such layer.
    """
    known = attention_layers(model)
    if layer not in known:
        raise KeyError(f"No layer {layer!r}; this model has {', '.join(known)}.")
    return known[layer]


def attention_layers(model: DeformableDETR) -> dict[str, MultiScaleDeformableAttention]:
    """All deformable attentions by short name, in the order in which they run."""
    transformer = model.transformer
    encoder = {
        f"encoder.{i}": layer.self_attn for i, layer in enumerate(transformer.encoder.layers)
    }
    return encoder | {
        f"decoder.{i}": layer.cross_attn for i, layer in enumerate(transformer.decoder.layers)
    }
