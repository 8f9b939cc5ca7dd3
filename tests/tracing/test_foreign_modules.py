"""Modules of other repositories, deformed grids and convolutions: recorded and proven."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import deformviz as dv
from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable_conv import DeformableConv
from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.tracing.record import record
from tests.tracing import foreign_modules as foreign

SHAPES = torch.tensor(foreign.SHAPES)
QUERIES = 6


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def redrawn(module):
    """Every matrix of a module random, as after some training."""
    generator = torch.Generator().manual_seed(5)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.4, generator=generator)
    return module.eval()


def recorded(module, *inputs, **options):
    redrawn(module)
    with torch.no_grad(), record(module, keep_values=True) as recording:
        module(*inputs, **options)
    return recording


def points(batch=2):
    return draw(batch, QUERIES, 3, 2, seed=1)


def boxes(levels=3):
    return draw(2, QUERIES, levels, 4, seed=2)


def padding():
    mask = torch.zeros(2, foreign.PIXELS, dtype=torch.bool)
    mask[1, 20:35] = mask[1, 43:47] = True
    return mask


def query():
    return draw(2, QUERIES, 16, seed=3)


def memory():
    return draw(2, foreign.PIXELS, 16, seed=4)


ATTENTIONS = {
    "Deformable DETR, points, padded": lambda: recorded(
        foreign.MSDeformAttn(), query(), points(), memory(), SHAPES, None, padding()
    ),
    "Deformable DETR, boxes": lambda: recorded(
        foreign.MSDeformAttn(), query(), boxes(), memory(), SHAPES, None
    ),
    "mmcv, query first": lambda: recorded(
        foreign.MultiScaleDeformableAttention(),
        query().transpose(0, 1),
        value=memory().transpose(0, 1),
        query_pos=draw(QUERIES, 2, 16, seed=6),
        key_padding_mask=padding(),
        reference_points=points(),
        spatial_shapes=SHAPES,
    ),
    "detrex, batch first, its own identity": lambda: recorded(
        foreign.MultiScaleDeformableAttention(batch_first=True),
        query(),
        value=memory(),
        identity=draw(2, QUERIES, 16, seed=8),
        reference_points=boxes(),
        spatial_shapes=SHAPES,
    ),
    "RT-DETR, one level of boxes, valid pixels": lambda: recorded(
        foreign.RTDETRAttention(), query(), boxes(1), memory(), foreign.SHAPES, ~padding()
    ),
    "RT-DETRv2, unequal points": lambda: recorded(
        foreign.RTDETRAttention(num_points=(1, 3, 2)), query(), boxes(1), memory(), foreign.SHAPES
    ),
    "D-FINE, a list of values": lambda: recorded(
        foreign.DFINEAttention(num_points=(3, 1, 2)),
        query(),
        boxes(1),
        [
            level.unflatten(2, (4, 4)).movedim(1, 3)
            for level in memory().split([h * w for h, w in foreign.SHAPES], dim=1)
        ],
        foreign.SHAPES,
    ),
}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_modules_of_other_repositories_are_proven(name):
    recording = ATTENTIONS[name]()
    assert recording.verify().worst < 1e-6, recording.verify()
    trace = recording["attention"]
    masked = {word for word in ("padded", "valid pixels", "mmcv") if word in name}
    assert (trace.padding_mask is not None) == bool(masked)
    if trace.padding_mask is not None:
        torch.testing.assert_close(trace.padding_mask, padding())
    recording.traces["attention"] = replace(
        trace, attention_weights=trace.attention_weights.flip(2)
    )
    assert not recording.verify().agrees


def grids():
    return {
        "DAT": (DATAttention(16, 4, 2, (6, 10), version="++", stride=2), draw(2, 16, 6, 10)),
        "DAT v1": (DATAttention(16, 4, 2, (6, 10), version="v1"), draw(2, 16, 6, 10)),
        "lucidrains 1-D": (
            LucidrainsAttention(16, 1, heads=4, head_channels=8, groups=2),
            draw(2, 16, 20),
        ),
        "lucidrains 2-D": (
            LucidrainsAttention(16, 2, heads=4, head_channels=8, groups=2),
            draw(2, 16, 12, 20),
        ),
        "lucidrains 3-D": (
            LucidrainsAttention(
                16, 3, heads=4, head_channels=8, offset_kernel=(4, 6, 6), stride=(2, 4, 4)
            ),
            draw(2, 16, 6, 8, 12),
        ),
    }


@pytest.mark.parametrize("name", grids())
def test_deformed_grids_are_proven_and_exchanges_seen(name):
    recording = recorded(*grids()[name])
    trace = recording["attention"]
    assert recording.verify().worst < 1e-6, recording.verify()
    for axis in (1, 2, 3):
        weights = trace.attention_weights.roll(1, axis)
        recording.traces["attention"] = replace(trace, attention_weights=weights)
        assert not recording.verify().agrees, f"weights exchanged along axis {axis}"
    for axis in (1, 2):
        positions = trace.positions.roll(1, axis)
        recording.traces["attention"] = replace(trace, positions=positions)
        assert not recording.verify().agrees, f"positions exchanged along axis {axis}"


CONVOLUTIONS = {
    "torchvision, v1": lambda: recorded(
        foreign.DeformConv2d(6, 4, (3, 5), stride=2, padding=1),
        draw(2, 6, 11, 14),
        4 * draw(2, 2 * 15, 6, 6, seed=1) - 2,
    ),
    "torchvision, v2, two groups": lambda: recorded(
        foreign.DeformConv2d(6, 4, (3, 3), padding=1),
        draw(2, 6, 7, 8),
        4 * draw(2, 36, 7, 8, seed=1) - 2,
        draw(2, 18, 7, 8, seed=2),
    ),
    "mmcv, v2 with its own offsets": lambda: recorded(
        foreign.ModulatedDeformConv2dPack(6, 4, (3, 3), padding=1), draw(2, 6, 7, 8)
    ),
    "ours, v1": lambda: recorded(
        DeformableConv(6, 4, (3, 5), padding=1, groups=2, modulated=False), draw(2, 6, 7, 8)
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_deformable_convolutions_are_offsets_with_masks(name):
    recording = CONVOLUTIONS[name]()
    trace = recording["attention"]
    assert recording.verify().worst < 1e-6, recording.verify()
    assert (trace.mask is None) == ("v1" in name)
    recording.traces["attention"] = replace(trace, positions_px=trace.positions_px.flip(-1))
    assert not recording.verify().agrees


def test_a_class_of_ones_own_is_declared():
    module = foreign.Anchored()
    inputs = (query(), points(), memory(), foreign.SHAPES)
    redrawn(module)
    with record(module) as recording:
        module(*inputs)
    assert "core" in str(recording.verify())  # all that is known of it
    adapter = dv.Adapter(
        applies_to="Anchored", references="anchors", shapes="sizes", heads=4, points=2
    )
    with record(module, adapters=[adapter]) as recording:
        module(*inputs)
    assert recording.verify().worst < 1e-6 and "core" not in str(recording.verify())


@pytest.mark.parametrize(
    "wrong, reason",
    [
        ({"heads": 2}, "differs from what the module returned by"),
        ({"references": "z"}, "no tensor"),
        ({"references": "anchor"}, "'anchor'"),
        ({"box_scale": 0.25}, "differs from what the module returned by"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_reason(wrong, reason):
    module = redrawn(foreign.Anchored())
    said = {"references": "anchors", "shapes": "sizes", "heads": 4} | wrong
    with pytest.raises(dv.RecordError, match=reason):
        with record(module, adapters=[dv.Adapter(applies_to=foreign.Anchored, **said)]):
            module(query(), boxes(), memory(), foreign.SHAPES)
