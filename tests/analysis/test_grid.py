"""Numbers of deformed grids, on grids small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.analysis.grid import grid_statistics, knot_importance, mask_share
from deformviz.attention.dat_reference import reference_grid
from deformviz.axes import ShapeError
from deformviz.schema import GridTrace


def trace_of(shift_yx=(0.0, 0.0), scale=1.0, weights=None):
    """A grid of 2 x 3 over a map of 4 x 6, one group, two heads; moved and scaled as a whole."""
    reference = reference_grid((2, 3), "v1", torch.zeros(1, dtype=torch.float64))[None].numpy()
    positions = reference * scale + np.array(shift_yx)
    even = np.full((2, 24, 6), 1 / 6)
    return GridTrace(
        reference_grid=reference,
        offsets=positions - reference,
        positions=positions,
        attention_weights=even if weights is None else weights,
        grid_hw=(2, 3),
        query_hw=(4, 6),
        version="v1",
    )


def test_an_undeformed_grid_has_not_moved():
    statistics = grid_statistics(trace_of())
    assert statistics.displacement == pytest.approx(0)
    assert statistics.stretch == pytest.approx(1)


def test_a_shifted_grid_has_moved_but_not_stretched():
    # Rows are 1 apart and columns 2/3, so (1.5, 1) in grid coordinates is 1.5 cells by 1.5 cells.
    statistics = grid_statistics(trace_of(shift_yx=(1.5, 1.0)))
    assert statistics.displacement == pytest.approx(np.hypot(1.5, 1.5))
    assert statistics.stretch == pytest.approx(1)


def test_a_shrunken_grid_is_stretched_by_less_than_one():
    assert grid_statistics(trace_of(scale=0.5)).stretch == pytest.approx(0.5)


def test_moving_and_stretching_are_measured_apart():
    """Card 38: each can change while the other stays."""
    shifts, scales = ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0)), (1.0, 0.75, 0.5)
    moved = [grid_statistics(trace_of(shift_yx=shift)) for shift in shifts]
    assert [one.displacement for one in moved] == pytest.approx([0, 0.5, 1])
    assert [one.stretch for one in moved] == pytest.approx([1, 1, 1])
    shrunken = [grid_statistics(trace_of(scale=scale)) for scale in scales]
    assert [one.stretch for one in shrunken] == pytest.approx(scales)


def test_shares_of_an_object_on_the_left_third():
    mask = np.zeros((12, 18), bool)
    mask[:, :6] = True
    # Undeformed columns lie at 5/6, 2.5 and 4 1/6 of pixels 0 to 5: 4, 9 and 14 of 18.
    even = mask_share(trace_of(), mask)
    assert (even.plain, even.undeformed) == pytest.approx((1 / 3, 1 / 3))
    assert even.weighted == pytest.approx(1 / 3)
    keen = np.zeros((2, 24, 6))
    keen[0, :, 0], keen[1, :, 5] = 1.0, 1.0  # one head on the object, one off it
    assert mask_share(trace_of(weights=keen), mask).weighted == pytest.approx(0.5)
    gathered = mask_share(trace_of(shift_yx=(0.0, -0.45)), mask)
    assert (gathered.plain, gathered.undeformed) == pytest.approx((2 / 3, 1 / 3))


def two_groups(weights):
    """Four heads; the second group's grid lies half a row further down."""
    one, other = trace_of(), trace_of(shift_yx=(0.5, 0.0))
    reference, positions = (
        np.concatenate([getattr(trace, name) for trace in (one, other)])
        for name in ("reference_grid", "positions")
    )
    return replace(
        one,
        reference_grid=reference,
        offsets=positions - reference,
        positions=positions,
        attention_weights=weights,
    )


def test_heads_read_the_object_with_the_knots_of_their_own_group():
    """The object lies above: rows of the first group's grid are on it, the second one's are not."""
    mask = np.zeros((12, 18), bool)
    mask[:4] = True
    keen = np.zeros((4, 24, 6))
    keen[:, :, 0] = 1.0  # a knot of the upper row
    for heads, share in (([0, 1], 1.0), ([2, 3], 0.0)):
        lower = np.zeros((4, 24, 6))
        lower[:, :, 5] = 1.0  # a knot that is on nothing
        lower[heads] = keen[heads]
        assert mask_share(two_groups(lower), mask).weighted == pytest.approx(share / 2)


def test_knots_outside_the_picture_are_on_nothing():
    assert mask_share(trace_of(shift_yx=(0.0, 9.0)), np.ones((5, 7), bool)).plain == 0


def test_importance_is_the_mean_over_queries():
    weights = np.zeros((2, 24, 6))
    weights[:, :12, 1], weights[:, 12:, 4] = 1.0, 1.0
    assert knot_importance(trace_of(weights=weights))[0].tolist() == [0, 0.5, 0, 0, 0.5, 0]


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(ShapeError, match="expected bool"):
        mask_share(trace_of(), np.zeros((4, 6)))
