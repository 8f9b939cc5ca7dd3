"""Layers of a detector by their short names, and copies of a model to change them in."""

import copy
from itertools import chain
from typing import TypeVar

from torch import nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.dat import DAT
from deformviz.models.detector import Detector

M = TypeVar("M", bound=nn.Module)


def private_copy(model: M) -> M:
    """Modules of one's own around the same parameters and buffers; costs no memory to speak of."""
    shared = chain(model.parameters(), model.buffers())
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})


def grid_of(model: DAT, layer: str) -> DATAttention:
    """The attention of a layer of a DAT by its name, "stages.2.attns.1"."""
    module = model.get_submodule(layer)
    assert isinstance(module, DATAttention)  # what `trace_names` lists
    return module


def attention_of(model: Detector, layer: str) -> MultiScaleDeformableAttention:
    """The deformable attention of "encoder.0", .. or "decoder.0", ..

    Raises:
        KeyError: the model has no such layer.
    """
    known = attention_layers(model)
    if layer not in known:
        raise KeyError(f"No layer {layer!r}; this model has {', '.join(known)}.")
    return known[layer]


def attention_layers(model: Detector) -> dict[str, MultiScaleDeformableAttention]:
    """All deformable attentions by short name, in the order in which they run."""
    found: dict[str, MultiScaleDeformableAttention] = {}
    for side, name in (("encoder", "self_attn"), ("decoder", "cross_attn")):
        layers = model.transformer.get_submodule(f"{side}.layers")
        for index, layer in enumerate(layers.children()):
            module = layer.get_submodule(name)
            if isinstance(module, MultiScaleDeformableAttention):
                found[f"{side}.{index}"] = module
    return found
