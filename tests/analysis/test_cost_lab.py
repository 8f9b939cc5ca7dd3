"""Costs of kinds of attention: formulas are what real modules do, bytes are what they write."""

from dataclasses import replace

import pytest
import torch

from deformviz.analysis.cost_lab import bill, bills, flips_at, formula, growth, measured, tiled
from deformviz.analysis.cost_lab_records import (
    CHOICES,
    KINDS,
    Growth,
    LabSizes,
    levels_hw,
    per_layer,
    read_lab,
)
from deformviz.attention.dense import SelfAttention
from deformviz.figures.costs import cost_bars, growth_lines

SMALL = LabSizes(side=64, channels=32, heads=4, levels=2, points=2, window=4, stride=2)
NAMES = {kind: kind.upper() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed", [{}, {"channels": 64, "stride": 1, "window": 7, "points": 3}])
def test_a_formula_is_what_the_real_module_does(kind, changed):
    sizes = replace(SMALL, **changed)
    one = bill(kind, sizes, (6, 9))
    assert one.formula == one.counted > 0


def test_as_many_queries_ask_as_are_wanted():
    few, many = (bill("deformable", replace(SMALL, queries=count), (6, 9)) for count in (10, 30))
    assert few.formula == few.counted < many.counted == many.formula


def test_levels_halve_and_round_up():
    assert levels_hw(replace(SMALL, side=100, levels=3)) == [(13, 17), (7, 9), (4, 5)]
    assert tiled((13, 17), 7) == (14, 21)


def test_bytes_are_those_of_every_new_tensor():
    one = bill("dense", SMALL, (6, 9))
    attention = SMALL.heads * 54 * 54 * 4
    assert one.bytes_written > 2 * attention  # before and after the softmax
    module, tokens = SelfAttention(32, 4), torch.rand(1, 54, 32)
    made = sum(t.nbytes for t in (module.qkv(tokens), module.proj(tokens)))
    assert one.bytes_written > 2 * attention + made
    assert one.bytes_written < 6 * attention + 6 * made  # views are written by nobody


def test_min_flips_where_pixels_are_as_many_as_samples():
    assert flips_at(replace(SMALL, points=2), (6, 9)) == 27


def test_a_layer_is_all_of_its_levels():
    listed = bills(SMALL)
    assert [one.map_hw for one in listed[::4]] == levels_hw(SMALL)
    whole = per_layer(listed)
    assert whole["dat"].counted == sum(one.counted for one in listed if one.kind == "dat")
    assert whole["dat"].milliseconds is None
    timed = tuple(replace(one, milliseconds=2.0) for one in listed)
    assert per_layer(timed)["window"].milliseconds == 4.0


def test_what_is_measured_takes_time_and_what_is_too_large_is_left_out():
    one = measured(bill("window", SMALL, (6, 9)), SMALL)
    assert 0 < one.milliseconds < 10_000
    large = replace(one, milliseconds=None, counted=10**11)
    assert measured(large, SMALL).milliseconds is None


@pytest.mark.slow
def test_costs_grow_linearly_in_points_and_faster_in_the_picture_where_attention_is_dense():
    (points,) = growth(SMALL, "points", measure=False)
    steps = [b - a for a, b in zip(points.counted, points.counted[1:], strict=False)]
    assert steps[1] == 2 * steps[0] and points.milliseconds == (None,) * len(points.at)
    by_side = {line.kind: line.counted for line in growth(SMALL, "side", measure=False)}
    assert set(by_side) == set(KINDS)
    times = {kind: counted[-1] / counted[0] for kind, counted in by_side.items()}
    assert times["dense"] > 5 * times["deformable"]


def test_sizes_of_an_address_are_those_of_sliders():
    assert read_lab(SMALL.to_text()) == SMALL
    assert read_lab("65-32-4-2-2-0-4-2-6") is None and read_lab("64-32") is None
    assert read_lab("a-b-c-d-e-f-g-h-i") is None
    assert all(getattr(LabSizes(), name) in values for name, values in CHOICES.items())
    with pytest.raises(ValueError, match="heads is 0; it must be positive"):
        LabSizes(heads=0)


def test_bars_and_lines_are_the_numbers_on_logarithmic_axes():
    listed = bills(SMALL)
    figure = cost_bars(listed, "bytes", NAMES, "bytes")
    assert figure.layout.yaxis.type == "log" and [bar.name for bar in figure.data] == list(
        NAMES.values()
    )
    own = [one.bytes_written for one in listed if one.kind == "dat"]
    assert list(figure.data[3].y) == own
    line = Growth("points", "deformable", (1, 2, 4), (1, 2, 4), (0.5, None, 2.0))
    figure = growth_lines([line], NAMES, "points", "ms")
    assert list(figure.data[0].x) == [1, 4] and list(figure.data[0].y) == [0.5, 2.0]
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_formulas_are_those_the_page_writes():
    one, (height, width) = SMALL, (6, 9)
    pixels, channels = height * width, one.channels
    assert formula("dense", one, (6, 9)) == 4 * pixels * channels**2 + 2 * pixels**2 * channels
    padded = 8 * 12
    assert formula("window", one, (6, 9)) == (
        4 * padded * channels**2 + 2 * padded * one.window**2 * channels
    )
