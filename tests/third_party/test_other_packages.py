"""Attention of packages from PyPI, as they ship it: recorded, and proven to rounding."""

from importlib import import_module

import pytest
import torch
from torch import nn

import deformviz as dv

pytestmark = pytest.mark.slow

SHAPES = [(5, 7), (3, 4), (2, 2)]
PIXELS, QUERIES, CHANNELS, HEADS = 51, 6, 16, 4
ROUNDING = 1e-6

# Module and class; how it is built; the order of its arguments; whether points may be unequal.
STANDARD = "d_model n_levels n_heads n_points"
HYBRID = "embed_dim num_levels num_heads num_points"
PASSED = "query reference_points input_flatten shapes_tensor starts"
LISTED = "query reference_points value shapes_list"
MODULES = {
    "rfdetr": ("rfdetr.models.ops.modules.ms_deform_attn:MSDeformAttn", STANDARD, PASSED),
    "easydetect": (
        "easydetect.nn.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes cores shapes_list",
    ),
    "libreyolo Deformable DETR": (
        "libreyolo.models.deformable_detr.ms_deform_attn:MSDeformAttn",
        STANDARD,
        PASSED,
    ),
    "libreyolo LW-DETR": ("libreyolo.models.lwdetr.nn:MSDeformAttn", STANDARD, LISTED),
    "libreyolo RF-DETR": ("libreyolo.models.rfdetr.transformer:MSDeformAttn", STANDARD, PASSED),
    "libreyolo RT-DETR": ("libreyolo.models.rtdetr.nn:MSDeformableAttention", HYBRID, LISTED),
    "libreyolo RT-DETRv2": (
        "libreyolo.models.rtdetrv2.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes value shapes_list",
    ),
    "libreyolo D-FINE": (
        "libreyolo.models.dfine.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes cores shapes_list",
    ),
    "libreyolo DEIM": (
        "libreyolo.models.deim.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes cores shapes_list",
    ),
    "libreyolo OV-DEIM": (
        "libreyolo.models.openvocab.ovdeim.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes value shapes_list",
    ),
    "libreyolo GTR": (
        "libreyolo.models.gtr.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes maps shapes_list",
    ),
    "libreyolo EC": (
        "libreyolo.models.ec.decoder:MSDeformableAttention",
        HYBRID,
        "query boxes cores shapes_list",
    ),
}
UNEQUAL = [name for name, row in MODULES.items() if "boxes" in row[2]]


def draw(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def inputs_of(order):
    memory = draw(2, PIXELS, CHANNELS, seed=3)
    levels = memory.unflatten(2, (HEADS, -1)).movedim(1, 3)
    every = {
        "query": draw(2, QUERIES, CHANNELS, seed=1),
        "reference_points": draw(2, QUERIES, len(SHAPES), 2, seed=2),
        "boxes": draw(2, QUERIES, 1, 4, seed=2),
        "input_flatten": memory,
        "value": memory,
        "cores": tuple(levels.split([height * width for height, width in SHAPES], dim=3)),
        "maps": tuple(
            level.flatten(0, 1).unflatten(2, shape)
            for level, shape in zip(
                levels.split([height * width for height, width in SHAPES], dim=3),
                SHAPES,
                strict=True,
            )
        ),
        "shapes_tensor": torch.tensor(SHAPES),
        "shapes_list": SHAPES,
        "starts": torch.tensor([0, 35, 47]),
    }
    return [every[name] for name in order.split()]


def built(name, points):
    where, sizes, _ = MODULES[name]
    module, _, kind = where.partition(":")
    numbers = (CHANNELS, len(SHAPES), HEADS, points)
    made = getattr(import_module(module), kind)(**dict(zip(sizes.split(), numbers, strict=True)))
    generator = torch.Generator().manual_seed(5)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)
    return made.eval()


def check(module, inputs):
    with torch.no_grad(), dv.record(module) as recording:
        module(*inputs)
    assert recording.verify().worst < ROUNDING, recording.verify()
    return recording["attention"]


@pytest.mark.parametrize("name", MODULES)
def test_attention_of_another_package_is_proven(third_party, name):
    points = [2, 2, 2] if name in UNEQUAL else 2
    trace = check(built(name, points), inputs_of(MODULES[name][2]))
    assert trace.points_per_level == (2, 2, 2)


@pytest.mark.parametrize("name", UNEQUAL)
def test_levels_may_have_different_numbers_of_points(third_party, name):
    trace = check(built(name, [3, 1, 2]), inputs_of(MODULES[name][2]))
    assert trace.points_per_level == (3, 1, 2)


@pytest.mark.parametrize(
    "kind, sizes, options",
    [
        ("DeformableAttention1D", (20,), {}),
        ("DeformableAttention2D", (12, 20), {"offset_groups": 2}),
        (
            "DeformableAttention3D",
            (6, 8, 12),
            {"downsample_factor": (2, 4, 4), "offset_kernel_size": (4, 6, 6)},
        ),
    ],
)
def test_lucidrains_in_one_two_and_three_dimensions(third_party, kind, sizes, options):
    package = import_module("deformable_attention.deformable_attention_" + kind[-2:].lower())
    module = getattr(package, kind)(dim=CHANNELS, dim_head=8, heads=HEADS, **options).eval()
    generator = torch.Generator().manual_seed(5)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)
    check(module, [draw(2, CHANNELS, *sizes, seed=4)])
