"""Answers of the lesson on a few points, from the layer small enough for a pencil."""

import numpy as np
import torch

from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.tracing.store import SHIPPED, read_index
from deformviz.walkthrough.toy import SHAPES_HW, toy_inputs, toy_module

CHOICES = ((0, 0), (1, 1), (1, 0))  # level and point of the samples of head 0 that are offered


def _looked():
    inputs = toy_inputs()
    module = toy_module()
    with torch.no_grad():
        output, trace = module(
            inputs.query,
            inputs.references,
            inputs.value_input,
            inputs.spatial_shapes,
            inputs.padding_mask,
            traced=True,
        )
    return module, output, trace


def first_location_x() -> float:
    return float(_looked()[2].sampling_locations[0, 0, 0, 0, 0, 0])


def output_first() -> float:
    return float(_looked()[1][0, 0, 0])


def output_second() -> float:
    return float(_looked()[1][0, 0, 1])


def slopes_px() -> np.ndarray:
    """By how much output 0 grows per pixel to the right, for head 0's samples [level point]."""
    module, _, trace = _looked()
    locations = trace.sampling_locations.clone().requires_grad_()
    heads = ms_deform_attn_reference(trace.value, SHAPES_HW, locations, trace.attention_weights)
    (slope,) = torch.autograd.grad(module.output_proj(heads)[0, 0, 0], locations)
    widths = torch.tensor([width for _, width in SHAPES_HW])
    return (slope[0, 0, 0, :, :, 0] / widths[:, None]).numpy()


def steepest_sample() -> int:
    return int(np.argmax([abs(slopes_px()[level, point]) for level, point in CHOICES]))


def samples_of_a_query() -> int:
    """Of the shipped model, in one layer."""
    layer = read_index(SHIPPED)[0].layer("encoder.1")
    header = layer.header
    return header["heads"] * sum(
        header.get("points_per_level") or [header["points"]] * len(header["levels"])
    )
