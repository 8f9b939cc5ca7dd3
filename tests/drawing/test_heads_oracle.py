"""The small pictures of the map of heads, against the trace."""

import json

import numpy as np
import pytest

from deformviz.figures.theme import palette
from deformviz.geometry import normalised_to_original
from deformviz.tracing.packing import pack_layer
from tests.app.synthetic_trace import FRAME, POINTS, SHAPES, synthetic_trace
from tests.drawing.engine import engine
from tests.drawing.oracle.dense import FRAME as DENSE_FRAME
from tests.drawing.oracle.dense import MAP_HW, dense_subjects

WIDTH, HEIGHT = 120, 78
ROWS, COLUMNS = 18, 24


def thumb(packed, head, query, picture=None):
    drawing = engine("heads")
    given = {"palette": palette(5), "head": head, "query": query, "width": WIDTH, "height": HEIGHT}
    layer = drawing.decode(packed)
    return drawing.evaluate(f"deformviz.thumb({{...{json.dumps(given)}, layer: layers[{layer}]}})")


def corner(frame):
    """Where the picture ends in what the model saw, normalised (x, y)."""
    (height, width), (padded_height, padded_width) = frame.resized_hw, frame.padded_hw
    return np.array([width / padded_width, height / padded_height])


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.1"])
def test_a_small_picture_holds_every_point_of_its_head_and_no_other(layer):
    trace, head, query = synthetic_trace(), 3, 6
    record = trace[layer]
    found = [m for m in thumb(pack_layer(trace, layer), head, query) if m["kind"] == "marker"]
    at = np.asarray(record.sampling_locations, float)[query, head].reshape(-1, 2)
    weights = np.asarray(record.attention_weights, float)[query, head].reshape(-1)
    assert len(found) == len(SHAPES) * POINTS
    order = np.argsort(-weights)
    wanted = at[order] / corner(FRAME) * [WIDTH, HEIGHT]
    np.testing.assert_allclose([[m["x"], m["y"]] for m in found], wanted, atol=0.02)
    areas = np.maximum(0.9, 11 * np.sqrt(weights[order]))
    np.testing.assert_allclose([m["size"] for m in found], areas, atol=0.05)
    assert {m["fill"] for m in found} == {palette(5)["heads"][head]}


def test_the_cross_is_at_the_query():
    trace, query = synthetic_trace(), 6
    found = thumb(pack_layer(trace, "decoder.1"), 0, query)
    lines = [m["points"] for m in found if m["kind"] == "line"]
    middle = np.mean(lines[0], axis=0)
    reference = np.asarray(trace["decoder.1"].reference_boxes, float)[query, 0, :2]
    np.testing.assert_allclose(middle, reference / corner(FRAME) * [WIDTH, HEIGHT], atol=0.01)


def test_dense_attention_is_a_map_of_its_head():
    dense = next(one for one in dense_subjects() if one.layer == "encoder.0")
    (cells,) = [m for m in thumb(dense.packed, 2, 9) if m["kind"] == "cells"]
    assert (cells["rows"], cells["columns"]) == MAP_HW
    np.testing.assert_allclose(cells["values"], dense.weights[2, 9], atol=1e-5)
    assert cells["width"] == pytest.approx(WIDTH / corner(DENSE_FRAME)[0], abs=0.01)


def test_the_average_puts_every_query_in_the_middle():
    trace, head = synthetic_trace(), 1
    record = trace["decoder.1"]
    found = thumb(pack_layer(trace, "decoder.1"), head, None)
    (cells,) = [m for m in found if m["kind"] == "cells"]
    share = np.asarray(normalised_to_original(FRAME)(np.asarray(record.sampling_locations, float)))
    start = np.asarray(
        normalised_to_original(FRAME)(np.asarray(record.reference_boxes, float)[..., :2])
    )
    size = np.array(FRAME.original_hw[::-1])
    away = (share[:, head] - start[:, 0][:, None, None]) / size + 0.5
    weights = np.asarray(record.attention_weights, float)[:, head] / len(share)
    edges = [np.linspace(0, 1, ROWS + 1), np.linspace(0, 1, COLUMNS + 1)]
    wanted, *_ = np.histogram2d(
        away[..., 1].ravel(), away[..., 0].ravel(), bins=edges, weights=weights.ravel()
    )
    values = np.array(cells["values"]).reshape(ROWS, COLUMNS)
    assert (
        np.abs(values - wanted).sum() < 0.02 * wanted.sum()
    )  # a point on an edge may be rounded over
    assert not [m for m in found if m["kind"] == "marker"]


def test_how_far_a_head_reads_is_by_weight():
    trace, head, query = synthetic_trace(), 2, 7
    drawing = engine("heads")
    layer = drawing.decode(pack_layer(trace, "encoder.0"))
    said = drawing.evaluate(f"deformviz.reachOf(layers[{layer}], {head}, {query})")
    record = trace["encoder.0"]
    to_original = normalised_to_original(FRAME)
    at = np.asarray(to_original(np.asarray(record.sampling_locations, float)[query, head]))
    start = np.asarray(to_original(np.asarray(record.reference_points, float)[query, 0]))
    weights = np.asarray(record.attention_weights, float)[query, head]
    away = np.linalg.norm(at - start, axis=-1)
    assert said == pytest.approx((away * weights).sum() / weights.sum(), abs=0.02)


def test_of_a_layer_that_is_not_what_its_model_did_nothing_is_shown():
    drawing = engine("heads")
    layer = drawing.decode(pack_layer(synthetic_trace(), "decoder.1"))
    wrong = "{difference: 0.01, tolerance: 0.001, placement: null}"
    given = json.dumps({"palette": palette(5), "head": 0, "query": 1, "width": 120, "height": 78})
    marks = drawing.evaluate(
        f"(() => {{ const one = layers[{layer}]; const before = one.header.proof;"
        f" one.header.proof = {wrong};"
        f" const told = deformviz.thumb({{...{given}, layer: one}});"
        f" one.header.proof = before; return told; }})()"
    )
    assert [mark["kind"] for mark in marks] == ["rect"]
