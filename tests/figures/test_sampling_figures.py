"""Charts of a query carry the numbers they were given, in the colours of the canvas."""

import numpy as np
import plotly.graph_objects as go
import pytest

from deformviz.analysis.sampling import query_sampling
from deformviz.figures.references import box_history
from deformviz.figures.sampling import level_bars, offset_rose, weight_map
from deformviz.figures.theme import LEVEL_MARKS, head_colour

SHAPES = [(4, 6), (2, 3)]
HEADS, POINTS = 3, 2


@pytest.fixture
def sampling():
    rng = np.random.default_rng(5)
    locations = rng.uniform(-0.2, 1.2, (4, HEADS, len(SHAPES), POINTS, 2))
    weights = rng.uniform(size=(4, HEADS, len(SHAPES), POINTS))
    weights /= weights.sum((-1, -2), keepdims=True)
    references = rng.uniform(size=(4, len(SHAPES), 2))
    return query_sampling(locations, weights, references, SHAPES, query=2)


def test_the_weight_map_has_a_row_per_head_with_every_weight(sampling):
    rows = weight_map(sampling).data[0]
    assert rows.y == ("head 0", "head 1", "head 2")
    assert np.allclose(rows.customdata, sampling.weights.reshape(HEADS, -1))
    assert weight_map(sampling).layout.xaxis.ticktext == ("● 4×6", "■ 2×3")


def test_each_row_of_the_weight_map_has_its_heads_colour_and_grows_with_weight(sampling):
    rows = weight_map(sampling).data[0]
    colours = {position: colour for position, colour in rows.colorscale[1::2]}
    for head in range(HEADS):
        assert colours[(head + 1) / HEADS] == head_colour(head)
        within = np.array(rows.z[head]) - head
        assert within.min() >= 0 and within.max() < 1
        ratio = within / sampling.weights[head].reshape(-1)
        assert np.allclose(ratio, ratio[0])


def test_the_rose_points_up_for_points_above(sampling):
    sampling.offsets_px[:] = 0
    sampling.offsets_px[1, 0, 1] = (0, -3)  # three level pixels up
    sampling.offsets_px[1, 1, 0] = (2, 0)
    markers = [trace for trace in offset_rose(sampling).data if trace.mode == "markers"]
    assert [trace.marker.color for trace in markers] == [head_colour(h) for h in range(HEADS)]
    assert (markers[1].r[1], markers[1].theta[1]) == (3, 90)
    assert (markers[1].r[2], markers[1].theta[2]) == (2, 0)
    assert list(markers[1].marker.symbol) == [LEVEL_MARKS[0][1]] * 2 + [LEVEL_MARKS[1][1]] * 2


def test_marker_area_grows_with_weight(sampling):
    marker = next(t for t in offset_rose(sampling).data if t.mode == "markers").marker
    diameters = np.array(marker.size) - 2
    ratio = diameters**2 / sampling.weights[0].reshape(-1)
    assert np.allclose(ratio, ratio[0])


def test_level_bars_sum_to_a_hundred_percent(sampling):
    bars = [trace for trace in level_bars(sampling).data if isinstance(trace, go.Bar)]
    assert len(bars) == HEADS
    assert sum(sum(bar.x) for bar in bars) == pytest.approx(100)
    assert bars[0].x[1] == pytest.approx(sampling.weights[0, 1].sum() / HEADS * 100)


def test_box_history_draws_every_layer_and_keeps_boxes_outside_in_view():
    boxes = np.array([[1, 2, 5, 7], [-3, 2, 5, 12]], float)
    figure = box_history(boxes, (10, 20), picture="/picture/key.jpg")
    assert [trace.name for trace in figure.data] == [
        "after decoder layer 0",
        "after decoder layer 1",
    ]
    assert figure.data[0].x == (1, 5, 5, 1, 1) and figure.data[0].y == (2, 2, 7, 7, 2)
    assert figure.layout.xaxis.range == (-3, 20) and figure.layout.yaxis.range == (12, 0)
    assert figure.layout.images[0].source == "/picture/key.jpg"


def test_figures_leave_paper_and_ink_to_the_page(sampling):
    for figure in (weight_map(sampling), offset_rose(sampling), level_bars(sampling)):
        assert figure.layout.paper_bgcolor == "rgba(0, 0, 0, 0)"
        assert figure.layout.font.color is None
