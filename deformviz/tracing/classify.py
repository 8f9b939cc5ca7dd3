"""Run a DAT on one picture and keep what its deformed grids did."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from deformviz.models.dat import DAT
from deformviz.models.preprocess import preprocess
from deformviz.models.square import framed_in_square, pad_to_square
from deformviz.schema import Trace
from deformviz.tracing.ordinary import precision_of, readable
from deformviz.tracing.proving import proving

OnLayer = Callable[[str, int, int], None]
UNTRACED_FIELDS = ("sampled_features", "output")


def classify(
    model: DAT,
    picture: np.ndarray,
    layers: Collection[str] | None = None,
    on_layer: OnLayer | None = None,
    keep_values: bool = False,
    ordinary: Callable = readable,
) -> Trace:
    """Look at one picture, resized to fit the model's square and padded at the bottom and right.

    Args:
        picture: HWC uint8 RGB.
        layers, on_layer: as in `run`; layers are named like "stages.2.attns.0".
        keep_values: also keep sampled features and outputs of each traced layer.
        ordinary: how tensors leave the pass.

    Returns:
        A Trace with `logits` [class], CPU tensors without batch axes.
    """
    parameter = next(model.parameters())
    pixels, frame = preprocess(picture, model.config)
    side = model.config.long_side
    batch = pad_to_square(pixels, side)[None].to(parameter.device, parameter.dtype)
    with torch.inference_mode(), precision_of(model), proving(model, layers) as proofs:
        logits, traces = model(
            batch, traced=True if layers is None else tuple(layers), on_layer=on_layer
        )
    return Trace(
        layers={name: _one_image(record, keep_values, ordinary) for name, record in traces.items()},
        frame=framed_in_square(frame, side),
        logits=ordinary(logits[0]),
        proofs=proofs,
    )


def _one_image(record: Any, keep_values: bool, ordinary: Callable) -> Any:
    if not keep_values:
        record = replace(record, **dict.fromkeys(UNTRACED_FIELDS))
    return record.image(0).map(ordinary)
