"""What went into every deformed grid of a DAT, so that one can be followed by hand."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from deformviz.attention.dat import DATAttention
from deformviz.models.dat import DAT
from deformviz.models.parts import grid_of, private_copy
from deformviz.models.watch import OnLayer
from deformviz.schema import GridTrace


@dataclass(frozen=True)
class GridObservation:
    """One forward pass, with the map that each deformed grid read."""

    model: DAT
    logits: Tensor  # [batch class]
    traces: Mapping[str, GridTrace]  # by layer, batched
    features: Mapping[str, Tensor]  # by layer [batch channel height width]

    def module(self, layer: str) -> DATAttention:
        """The attention of a layer by its name, "stages.2.attns.1"."""
        return grid_of(self.model, layer)


@torch.no_grad()
def observe_grids(model: DAT, images: Tensor, on_layer: OnLayer | None = None) -> GridObservation:
    """Run a DAT on normalised images [batch 3 height width]; the model stays as it is."""
    watched = private_copy(model)
    features: dict[str, Tensor] = {}

    def keep(layer):
        def hook(module, arguments):
            features[layer] = arguments[0]

        return hook

    for layer in model.trace_names:
        watched.get_submodule(layer).register_forward_pre_hook(keep(layer))
    logits, traces = watched(images, on_layer=on_layer)
    return GridObservation(model, logits, traces, features)
