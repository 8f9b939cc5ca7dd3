"""Zero offsets do not mean the same places in every code; worked out by hand for 6 x 8 cells."""

import numpy as np
import pytest

from deformviz.analysis.grid_versions import undeformed_grids


@pytest.fixture(scope="module")
def grids():
    return {grid.title: grid for grid in undeformed_grids((6, 8), 2)}


def test_v1_is_centred_but_pulled_together(grids):
    # Knot 0 of 4: grid -0.75, pixel (1 - 0.75) / 2 * 7 = 0.875, not 0.5.
    knots = grids["DAT (v1)"].knots_xy * [8, 6] - 0.5
    assert knots[0, 0] == pytest.approx(0.875) and knots[3, 0] == pytest.approx(7 - 0.875)
    assert grids["DAT (v1)"].mean_shift == pytest.approx((0, 0), abs=1e-6)
    assert grids["DAT (v1)"].largest_shift == pytest.approx(np.hypot(0.375, 1 / 3), abs=1e-5)


def test_plus_reads_beyond_the_map(grids):
    # Knot 3 of 4: grid 2 * 3.5 / 3 - 1 = 4 / 3, pixel 7 / 6 * 7 = 8.17 of 0 to 7.
    knots = grids["DAT++"].knots_xy * [8, 6] - 0.5
    assert knots[3, 0] == pytest.approx(49 / 6, abs=1e-5)
    starts = grids["DAT++"].starts_xy * [8, 6] - 0.5
    np.testing.assert_allclose(starts[[0, 7]], [[0, 0], [7, 0]], atol=1e-6)


def test_the_correction_reads_the_middle_of_every_patch(grids):
    corrected, shipped = grids["lucidrains, corrected"], grids["lucidrains, shipped"]
    assert corrected.largest_shift < 1e-5
    # Column 3 divided by rows - 1 = 2: grid 2 * 3 / 2 - 1 = 2, pixel (2 + 1) / 2 * 8 - 0.5 = 11.5.
    assert (shipped.knots_xy * [8, 6] - 0.5)[3, 0] == pytest.approx(11.5)


def test_a_map_that_patches_do_not_tile_is_refused():
    with pytest.raises(ValueError, match="must be multiples of stride 2"):
        undeformed_grids((5, 8), 2)
