"""Which places a query may read under each kind of attention, counted and placed by hand."""

import numpy as np
import pytest

from deformviz.analysis import key_sets
from deformviz.analysis.key_sets_store import pack_key_sets
from deformviz.tracing.packing import read_header

ROWS, COLUMNS = key_sets.MAP_HW


def cell(places_xy):
    """Row and column of the cells that places fall on."""
    return np.floor(places_xy[..., ::-1] * [ROWS, COLUMNS]).astype(int)


def test_dense_attention_reads_every_cell_and_its_cost_grows_with_the_map():
    found = key_sets._dense()
    assert found.per_head == ROWS * COLUMNS
    assert len(np.unique(cell(found.places_xy[5]), axis=0)) == ROWS * COLUMNS
    channels = key_sets.CHANNELS
    assert found.cost[0] == 4 * channels**2 + 2 * 144 * channels  # by hand
    assert found.cost[1] == 4 * channels**2 + 2 * 48**2 * channels


def test_a_shifted_window_ends_where_its_mask_does():
    found = key_sets._windows()
    corner = found.places_xy[0]  # row 0, column 0: the smallest part of a window
    assert cell(corner[~np.isnan(corner[:, 0])]).max() == key_sets.SHIFT - 1
    assert (~np.isnan(corner[:, 0])).sum() == key_sets.SHIFT**2
    middle = found.places_xy[6 * COLUMNS + 6]  # of a whole window, which starts at row 6
    assert cell(middle).min() == 6 and cell(middle).max() == 9
    assert found.cost[0] == found.cost[1]


def test_a_deformable_convolution_moves_nine_taps_around_its_query():
    rng = np.random.default_rng(1)
    found = key_sets._convolution(rng.integers(0, 256, (30, 50, 3), dtype=np.uint8))
    query = 7 * COLUMNS + 4
    away = found.places_xy[query] * [COLUMNS, ROWS] - [4.5, 7.5]
    regular = np.array([[x, y] for y in (-1, 0, 1) for x in (-1, 0, 1)])
    assert 0.01 < np.abs(away - regular).mean() < 2
    assert found.weights is None and found.honesty == "random offset weights"


def test_packed_sets_say_what_they_hold():
    sets = [key_sets._dense(), key_sets._windows()]
    blob = pack_key_sets(sets, (30, 50))
    header, start = read_header(blob)
    dense, windows = header["sets"]
    assert (dense["shared"], windows["shared"]) == (True, False)
    assert (dense["keys"], windows["keys"]) == (144, 16)
    floats = np.frombuffer(blob, "<f4", offset=start)
    assert len(floats) == 2 * 144 + 2 * 144 * 16
    np.testing.assert_allclose(floats[:2], sets[0].places_xy[0, 0], rtol=1e-6)
    assert header["start_query"] == pytest.approx(6 * 12 + 6)
