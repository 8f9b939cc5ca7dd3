"""A picture as it looks to a model inside a batch with a larger one: with padding."""

from dataclasses import replace
from typing import Any

import torch

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess
from deformviz.schema import Trace
from deformviz.tracing.pictures import read_picture

SHARE = (0.3, 0.5)  # padding at the bottom and at the right, as shares of the picture


@torch.inference_mode()
def run_padded(model: DeformableDETR, image: Any, *, top: int = 100) -> Trace:
    """Like `dv.run`, but with a larger blank picture in the same batch.

    The frame says how much of the padded picture is real; boxes are of the real picture.
    """
    parameter = next(model.parameters())
    pixels, frame = preprocess(read_picture(image), model.config)
    pixels = pixels.to(parameter.device, parameter.dtype)
    height, width = (
        round(side * (1 + share)) for side, share in zip(pixels.shape[1:], SHARE, strict=True)
    )
    output, traces = model([pixels, pixels.new_zeros(3, height, width)])
    one = output.image(0).map(lambda tensor: tensor.cpu())
    return Trace(
        layers={
            name: record.image(0).map(lambda tensor: tensor.cpu())
            for name, record in traces.items()
        },
        frame=replace(frame, padded_hw=(height, width)),
        detections=postprocess(
            one, frame.original_hw, top=top, class_names=model.config.class_names
        ),
        output=one,
    )
