"""Where every number in the texts of derivations and on cards comes from.

A place is `prose:file:section` or `card:number`.
"""

from collections.abc import Callable, Iterable

import torch

from deformviz.attention.reference import locations_from_boxes
from deformviz.checkpoints import coco
from deformviz.lessons import answers_notes, answers_stages
from deformviz.lessons.calculators import SIDE
from deformviz.models.boxes import EPSILON
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.detector_config import DABDeformableDETRConfig
from tests.lessons.said import (
    DETECTOR,
    factors_of_the_formula,
    pixel_of_location_0,
    span_of_displacements,
)
from tests.walkthrough import test_claims as claims

POINTS_XY, HALF = 2, 0.5
# Reported by others, with their sources: nothing here can compute them.
FIXED_ON = (7, 2020)  # docs/changelog.md of Deformable DETR, 7 December 2020
WITHOUT_THC = 1.11  # torch, from mmcv's and maskrcnn-benchmark's trackers
OPSET = 16  # the first of ONNX with GridSample
NATTEN = 0.20  # the first without the functions of DAT++
ORIGINAL_TEST = (6, 4, 3, 2, 1)  # models/ops/test.py: its two maps, and its 1e-2 in percent
STEP = (154, 64)  # a batch that fails, and im2col_step


def factor_of_a_box() -> float:
    """What an offset of K reaches, as a share of the box's side."""
    offsets = torch.zeros(1, 1, 1, 1, 4, 2)
    offsets[..., 0, 0] = 4
    place = locations_from_boxes(torch.tensor([[[[0.5, 0.5, 0.4, 0.2]]]]), offsets)
    return float((place[0, 0, 0, 0, 0, 0] - 0.5) / 0.4)


def first_size_of_one_stage() -> list[float]:
    """The logit that a fresh model's boxes begin with, and the percentage that it means."""
    from deformviz.systems import SYSTEMS

    record = SYSTEMS["deformable-detr"]
    sizes = dict(classes=4, hidden_channels=32, encoder_layers=1, decoder_layers=1, queries=6)
    usual = dict(feedforward_channels=32, backbone="resnet18", backbone_width=8)
    model = record.build(record.read_config(sizes | usual))
    bias = model.get_parameter("bbox_embed.0.layers.2.bias")[2].detach()
    return [float(bias), 100 * float(bias.sigmoid())]


def epsilons() -> list[float]:
    return [EPSILON, DABDeformableDETRConfig.logit_epsilon]


def first_merged(*dtypes: torch.dtype) -> list[int]:
    return [claims.first_width_that_merges(dtype) for dtype in dtypes]


def strides_and_keys() -> list[int]:
    strides = [stage.stride for stage in PUBLISHED["dat_pp_tiny"].stages]
    return [*strides, SIDE, answers_stages.keys_of_a_stage()]


SAID: dict[str, Callable[[], Iterable[float]]] = {
    "prose:bilinear:pixel": lambda: [pixel_of_location_0()],
    "prose:complexity:sampling_cost": factors_of_the_formula,
    "prose:complexity:prediction_cost": factors_of_the_formula,
    "prose:complexity:module_cost": factors_of_the_formula,
    "prose:convolutions": lambda: answers_notes.COUNTS,
    "prose:convolutions:plain": lambda: answers_notes.COUNTS,
    "prose:convolutions:separable": lambda: answers_notes.COUNTS,
    "prose:dat:reference_grid": lambda: [-1],  # where coordinates begin
    "prose:dat:offsets": lambda: span_of_displacements(),
    "prose:dat:displacements": span_of_displacements,
    "prose:decoder:query_embed": lambda: [POINTS_XY],  # two halves, of C each
    "prose:decoder:after_self": lambda: [2],  # norm2 of the published code
    "prose:decoder:box_step": first_size_of_one_stage,
    "prose:decoder:reference_logits": epsilons,
    "prose:mistakes:align_corners": lambda: [pixel_of_location_0()],
    "prose:mistakes:forget_half": lambda: [pixel_of_location_0()],
    "prose:multi_scale:offset_matrix": lambda: [POINTS_XY, POINTS_XY + 1],
    "prose:multi_scale:raw_offsets": lambda: [POINTS_XY],
    "card:2": lambda: FIXED_ON,
    "card:4": lambda: [factor_of_a_box()],
    "card:5": lambda: [2],  # a whole turn is 2 pi; the angles are tested with the star
    "card:11": lambda: [HALF, pixel_of_location_0()],
    "card:15": lambda: [843, 1000, *claims.ratios_of_a_picture(843, 1000)],
    "card:17": lambda: [POINTS_XY, 2 * POINTS_XY],
    "card:20": lambda: [2 * DETECTOR.hidden_channels],
    "card:22": lambda: [coco.ROWS, claims.most_pairs()],
    "card:24": epsilons,
    "card:26": lambda: [WITHOUT_THC],
    "card:29": lambda: first_merged(torch.bfloat16, torch.float16),
    "card:30": lambda: STEP,
    "card:33": lambda: [OPSET],
    "card:34": lambda: ORIGINAL_TEST,
    "card:36": strides_and_keys,
    "card:37": lambda: [HALF, 2, -1, claims.last_reference("++", 7)],
    "card:40": lambda: [float(torch.zeros(1).sigmoid())],
    "card:41": lambda: [3, 2],  # dimensions
    "card:42": lambda: [NATTEN],
}
