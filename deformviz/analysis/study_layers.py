"""The study that answers one question about the layers of one part of a model."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from deformviz.analysis.attribution import OnStep
from deformviz.analysis.attribution_records import METHODS, QUANTITIES, AskedNumber, Study
from deformviz.analysis.attribution_table import study
from deformviz.analysis.attribution_targets import Held
from deformviz.analysis.faithfulness import agreement
from deformviz.analysis.layers_studied import LayersStudied, LayerView, add_up
from deformviz.tracing.packing import proof_header

SEED = 0  # of the random orders


def study_layers(
    held: Held, target: Any, part: str, *, most_steps: int, on_step: OnStep | None = None
) -> LayersStudied:
    """What the samples of a part's layers are worth to one number of the answer.

    Args:
        part: with which the names of its layers begin, e.g. "decoder".
        most_steps: of each path, see `attribute`.
        on_step: hears of progress in per cent, as (done, 100); what it raises cancels.
    """
    layers = tuple(name for name in held.layers if name.startswith(part))
    found = study(
        held,
        target,
        layers=layers,
        generator=torch.Generator().manual_seed(SEED),
        on_step=on_step,
        most_steps=most_steps,
    )
    views = {name: _layer_view(held, found, name) for name in layers}
    number = AskedNumber(target.query, target.label, target.is_share)
    proofs = tuple(proof_header(held.proofs[name]) for name in layers)
    return LayersStudied(replace(found, target=number), views, proofs)


def _layer_view(held: Held, found: Study, layer: str) -> LayerView:
    worth = found.attributions[layer, QUANTITIES[0], METHODS[0]].values
    query = found.target.query
    if layer.startswith("encoder"):
        query = int(np.abs(worth).sum(axis=(1, 2, 3)).argmax())
    weights, locations = (
        numbers[query].double().cpu().numpy()
        for numbers in (held.weights(layer), held.locations_px(layer))
    )
    together = held.heads_together(layer)
    return LayerView(
        locations[::together],
        add_up(weights, together),
        query,
        agreement(weights[None], worth[query][None])[0],
        together,
    )
