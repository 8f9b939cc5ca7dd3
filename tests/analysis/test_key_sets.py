"""Which places a query may read under each kind of attention, counted and placed by hand."""

from functools import partial

import numpy as np
import pytest

from deformviz.analysis import key_sets
from deformviz.analysis.key_sets_store import LAYER, pack_key_sets
from deformviz.checkpoints.load import load
from deformviz.tracing.packing import decompress, read_header
from deformviz.tracing.run import run
from deformviz.tracing.store import SHIPPED_KEYS, read_index
from deformviz.words import say

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


def test_deformable_attention_costs_what_its_drawn_keys_do():
    channels, heads, keys = key_sets.CHANNELS, key_sets.HEADS, key_sets.LEVELS * key_sets.POINTS
    by_hand = 2 * channels**2 + 5 * keys * channels + 3 * channels * heads * keys
    assert key_sets._costs(key_sets._deformable_call) == (by_hand, by_hand)
    config = load("deformable-detr-scenes").config
    assert config.levels * config.encoder_points == keys


def test_a_dat_is_dearer_than_dense_attention_with_a_stride_of_one_and_cheaper_with_two():
    dense, dat = (key_sets._costs(call) for call in (key_sets._dense_call, key_sets._dat_call))
    assert all(few < many for few, many in zip(dense, dat, strict=True))
    halved = key_sets._costs(partial(key_sets._dat_call, stride=2))
    assert all(few < many for few, many in zip(halved, dense, strict=True))


@pytest.mark.parametrize("stored", read_index(SHIPPED_KEYS), ids=lambda stored: stored.name)
def test_shipped_costs_are_what_is_counted(stored):
    told = {
        one["name"]: one for one in read_header(decompress(stored.layer_gzip(LAYER)))[0]["sets"]
    }
    calls = {
        "dense": key_sets._dense_call,
        "windows": key_sets._window_call,
        "detector": key_sets._deformable_call,
        "dat": key_sets._dat_call,
    }
    assert {name: tuple(told[name]["cost"]) for name in calls} == {
        name: key_sets._costs(call) for name, call in calls.items()
    }
    assert told["detector"]["per_head"] == key_sets.LEVELS * key_sets.POINTS
    assert told["dat"]["per_head"] == told["dense"]["per_head"] == ROWS * COLUMNS  # a stride of 1


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


def wide_picture():
    return np.random.default_rng(4).integers(0, 256, (60, 130, 3), dtype=np.uint8)


def beyond(frame):
    """How much larger the padded picture is than the picture in it, x and y."""
    return np.array(frame.padded_hw[::-1]) / frame.resized_hw[::-1]


CELLS = [(0, 0), (3, 10), (8, 2), (ROWS - 1, COLUMNS - 1)]


def test_a_detector_reads_where_the_token_of_the_cell_looks():
    model, picture = load("deformable-detr-scenes"), wide_picture()
    found = key_sets._detector(picture, model)
    trace = run(model, picture)
    layer = [name for name in trace if name.startswith("encoder")][-1]
    record, larger = trace[layer], beyond(trace.frame)
    shapes = [tuple(shape) for shape in record.spatial_shapes.tolist()]
    areas = [abs(height * width - ROWS * COLUMNS) for height, width in shapes]
    level = int(np.argmin(areas))
    first = sum(height * width for height, width in shapes[:level])
    height, width = shapes[level]
    assert first > 0  # else tokens of the finest level would pass for it
    for row, column in CELLS:
        share = np.array([(column + 0.5) / COLUMNS, (row + 0.5) / ROWS]) / larger
        token = first + int(share[1] * height) * width + int(share[0] * width)
        wanted = record.sampling_locations[token].double().numpy().reshape(-1, 2) * larger
        np.testing.assert_allclose(found.places_xy[row * COLUMNS + column], wanted, atol=2e-5)
        weights = record.attention_weights[token].numpy().ravel()
        np.testing.assert_allclose(found.weights[row * COLUMNS + column], weights, atol=1e-5)


def test_every_head_of_a_dat_reads_the_knots_of_its_own_group():
    model, picture = load("dat-scenes"), wide_picture()
    found = key_sets._dat(picture, model)
    trace = run(model, picture)
    record = next(trace[name] for name in trace if trace[name].query_hw == key_sets.MAP_HW)
    larger, (groups, knots) = beyond(trace.frame), record.positions.shape[:2]
    heads = len(record.attention_weights)
    assert 1 < groups < heads and record.align_corners
    for head in range(heads):
        grid = record.positions[head // (heads // groups)].double().numpy()[:, ::-1]
        sizes = np.array([COLUMNS, ROWS])
        wanted = (((grid + 1) / 2) * (sizes - 1) + 0.5) / sizes * larger
        given = found.places_xy[17, head * knots : (head + 1) * knots]
        np.testing.assert_allclose(given, wanted, atol=2e-5)
    for row, column in CELLS:
        share = np.array([(column + 0.5) / COLUMNS, (row + 0.5) / ROWS]) / larger
        query = int(share[1] * ROWS) * COLUMNS + int(share[0] * COLUMNS)
        weights = record.attention_weights[:, query].numpy().ravel()
        np.testing.assert_allclose(found.weights[row * COLUMNS + column], weights, atol=1e-5)


def test_a_page_in_english_says_of_a_set_what_its_file_says():
    for stored in read_index(SHIPPED_KEYS)[:1]:
        for one in read_header(decompress(stored.layer_gzip(LAYER)))[0]["sets"]:
            said = one["honesty"].split(", ")
            assert say(f"canvas.keys.set.{one['name']}") == one["title"]
            assert say(f"canvas.keys.honesty.{one['name']}", of=said[-1]) == one["honesty"]
