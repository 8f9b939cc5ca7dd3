"""What the player's calculators say is what the library's own modules do."""

import math

import pytest
import torch
from torch import nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.neighborhood import NeighborhoodAttention
from deformviz.geometry import level_starts
from deformviz.lessons.answers_cost import tokens
from deformviz.lessons.calculators import (
    CALCULATORS,
    MODELS,
    NEIGHBORHOOD,
    OPERATOR,
    SIDE,
    SIZE_HW,
    calculator,
)
from deformviz.lessons.lesson import Scene, lessons
from deformviz.models.dat_presets import PUBLISHED, V1_OFFSET_KERNELS
from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser
SIDES = (128, 224, 384)


@pytest.fixture(scope="module")
def shapes(browser):
    with modules(browser, "lesson/shapes") as page:
        yield lambda name, *given: page.evaluate(
            "([name, given]) => code[name](...given)", [name, list(given)]
        )


def test_levels_are_those_of_convolutions_with_a_stride_of_two(shapes):
    halve = nn.Conv2d(1, 1, 3, stride=2, padding=1, device="meta")
    for height, width in (SIZE_HW, (800, 1066), (97, 130)):
        maps = [torch.empty(1, 1, height, width, device="meta")]
        for _ in range(6):
            maps.append(halve(maps[-1]))
        wanted = [list(one.shape[-2:]) for one in maps[3:]]
        assert shapes("levelSizes", height, width, 4) == wanted
        assert sum(math.prod(size) for size in wanted) == tokens((height, width))


def test_the_six_arguments_have_the_shapes_that_the_layer_records(shapes):
    sizes = {"height": 150, "width": 203, "pictures": 3, "queries": 7}
    layers = {"channels": 24, "heads": 6, "levels": 3, "points": 5}
    found = shapes("operatorArguments", OPERATOR | sizes | layers)
    levels = [tuple(size) for size in found["sizes"]]
    layer = MultiScaleDeformableAttention(**layers, backend="reference")
    told = {name: both for name, *both in found["rows"]}
    assert found["starts"] == list(level_starts(levels))
    for at, queries in enumerate((found["pixels"], 7)):
        asking, references = torch.zeros(3, queries, 24), torch.full((3, queries, 3, 2), 0.5)
        pixels = torch.zeros(3, found["pixels"], 24)
        output, trace = layer(asking, references, pixels, levels)
        for name in ("value", "spatial_shapes", "sampling_locations", "attention_weights"):
            assert told[name][at] == list(getattr(trace, name).shape), name
        assert told["→ output"][at] == list(output.shape)
    assert told["level_start_index"] == [[3], [3]] and told["im2col_step"] == [3, 3]


def test_at_608_by_843_there_are_10723_pixels(shapes):
    found = shapes("operatorArguments", OPERATOR)
    assert found["pixels"] == 10723 and found["starts"] == [0, 8056, 10070, 10583]
    told = {name: both for name, *both in found["rows"]}
    assert told["sampling_locations"] == [[2, 10723, 8, 4, 4, 2], [2, 300, 8, 4, 4, 2]]


def test_models_to_begin_with_are_the_published_ones():
    for name, preset in (("DAT-T", "dat_tiny"), ("DAT-T++", "dat_pp_tiny")):
        stages = PUBLISHED[preset].stages
        assert [(stage.blocks, stage.stride) for stage in stages] == list(MODELS[name])
        assert {stage.neighborhood for stage in stages} == {NEIGHBORHOOD}
        assert PUBLISHED[preset].long_side == SIDE
    for preset in ("dat_tiny", "dat_base_384"):  # windows are a 32nd of the picture
        config = PUBLISHED[preset]
        assert {stage.window for stage in config.stages} == {config.long_side // 32}


def test_every_calculator_begins_with_what_it_offers():
    scenes = [step.scene for one in lessons() for step in one.steps if step.scene]
    shown = [scene for scene in scenes if scene.canvas in CALCULATORS]
    assert {scene.canvas for scene in shown} == set(CALCULATORS)
    for scene in shown:
        data = calculator(scene)
        assert not scene.begin or data["model"] == scene.begin in data["models"]


@pytest.mark.parametrize("model", MODELS)
def test_keys_are_those_that_a_layer_of_the_library_has(shapes, model):
    stages = calculator(Scene("stages", "dat"))["models"][model]
    for side in SIDES:
        for at, row in enumerate(shapes("stageRows", side, stages)):
            map_side, keys = side // 4 // 2**at, {one["letter"]: one for one in row["layers"]}
            assert row["map"] == map_side and row["queries"] == map_side**2
            assert {name: one["count"] for name, one in keys.items()} == {
                letter: stages[at]["blocks"].count(letter) for letter in stages[at]["blocks"]
            }
            if "D" in keys:
                assert keys["D"]["keys"] == knots(map_side, stages[at]["stride"], at)
            if "L" in keys:
                assert keys["L"]["keys"] == (side // 32) ** 2 == keys.get("S", keys["L"])["keys"]
            if "N" in keys:
                assert keys["N"]["keys"] == neighbours(map_side)
            for one in keys.values():
                assert one["pairs"] == row["queries"] * one["keys"]


def knots(side, stride, stage):
    """Of the grid that the offset network of a layer makes of such a map."""
    layer = DATAttention(
        4, 2, 1, (side, side), version="++", stride=stride, offset_kernel=V1_OFFSET_KERNELS[stage]
    )
    _, grid_hw = layer.propose_offsets(torch.zeros(1, 4, side, side))
    return math.prod(grid_hw)


def neighbours(side):
    """Of the first pixel of a map."""
    small = min(side, 2 * NEIGHBORHOOD)  # what lies farther away plays no part
    _, trace = NeighborhoodAttention(4, 2, NEIGHBORHOOD)(torch.zeros(1, 4, small, small))
    return int((trace.keys[0, 0] >= 0).sum())
