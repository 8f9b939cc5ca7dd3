"""What is said and drawn of two pictures beside each other, against the traces themselves."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deformviz.figures.theme import palette
from deformviz.geometry import normalised_to_original
from deformviz.schema import ImageFrame
from deformviz.tracing.packing import pack_layer
from tests.app.synthetic_trace import FRAME, HEADS, OBJECTS, POINTS, SHAPES, synthetic_trace
from tests.drawing.engine import engine
from tests.drawing.oracle.dense import FRAME as DENSE_FRAME
from tests.drawing.oracle.dense import dense_subjects

HEIGHT, WIDTH = FRAME.original_hw
OTHER = ImageFrame(original_hw=(64, 120), resized_hw=(256, 480), padded_hw=(320, 512))


@pytest.fixture(scope="module")
def first():
    return synthetic_trace(3)


@pytest.fixture(scope="module")
def second():
    return synthetic_trace(8)


def ask(call, one, other):
    """What a function says of two layers, `a` and `b`."""
    drawing = engine("sampling")
    a, b = drawing.decode(one), drawing.decode(other)
    return drawing.evaluate(f"(({{a, b}}) => {call})({{a: layers[{a}], b: layers[{b}]}})")


def places(trace, layer):
    """Where is sampled, in pixels of the original picture [query head level point xy]."""
    to_original = normalised_to_original(trace.frame)
    return np.asarray(to_original(np.asarray(trace[layer].sampling_locations, float)))


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.1"])
def test_points_and_weights_are_compared_one_by_one(first, second, layer):
    query, other = 5, 9
    told = ask(
        f"deformviz.difference(a, {query}, b, {other})",
        pack_layer(first, layer),
        pack_layer(second, layer),
    )
    moved = np.linalg.norm(places(second, layer)[other] - places(first, layer)[query], axis=-1)
    points = told["points"]
    assert points["count"] == HEADS * len(SHAPES) * POINTS
    assert points["median"] == pytest.approx(np.median(moved), abs=0.02)
    largest = points["largest"]
    assert largest["px"] == pytest.approx(moved.max(), abs=0.02)
    assert (largest["head"], largest["level"], largest["point"]) == np.unravel_index(
        moved.argmax(), moved.shape
    )
    weights = [
        np.asarray(t[layer].attention_weights)[q] for t, q in ((first, query), (second, other))
    ]
    elsewhere = np.abs(weights[1] - weights[0]).sum() / 2 / HEADS
    assert points["elsewhere"] == pytest.approx(elsewhere, abs=1e-3)


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.1"])
def test_the_gaze_is_the_middle_of_what_is_read(first, second, layer):
    told = ask(
        "deformviz.difference(a, 5, b, 9)", pack_layer(first, layer), pack_layer(second, layer)
    )["gaze"]
    middles, spreads = [], []
    for trace, query in ((first, 5), (second, 9)):
        at = places(trace, layer)[query].reshape(-1, 2)
        weights = np.asarray(trace[layer].attention_weights, float)[query].reshape(-1)
        middles.append(np.average(at, axis=0, weights=weights))
        away = ((at - middles[-1]) ** 2).sum(-1)
        spreads.append(np.sqrt(np.average(away, weights=weights)))
    assert told["moved"] == pytest.approx(np.linalg.norm(middles[1] - middles[0]), abs=0.05)
    assert told["spreads"] == pytest.approx(spreads, abs=0.05)


def test_the_gaze_of_dense_attention_is_that_of_its_heads_on_average():
    dense = next(one for one in dense_subjects() if one.layer == "encoder.0")
    drawing = engine("heads")
    layer = drawing.decode(dense.packed)
    rows, columns = 5, 7
    query = 9
    told = drawing.evaluate(f"deformviz.gaze(layers[{layer}], {query}, [90, 130])")
    weights = dense.weights[:, query].mean(0)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    shares = (cells + 0.5) / [columns, rows]
    to_original = normalised_to_original(DENSE_FRAME)
    at = np.asarray(to_original(shares)) + 0.5
    middle = np.average(at, axis=0, weights=weights)
    assert [told["x"], told["y"]] == pytest.approx(middle.tolist(), abs=0.05)


def test_on_another_picture_points_count_from_their_query(first):
    other = replace(synthetic_trace(8), frame=OTHER)
    told = ask(
        "deformviz.difference(a, 5, b, 9, {fromReference: true}).points",
        pack_layer(first, "encoder.0"),
        pack_layer(other, "encoder.0"),
    )
    shares = []
    for trace, query in ((first, 5), (other, 9)):
        record = trace["encoder.0"]
        locations = np.asarray(record.sampling_locations, float)[query]
        offsets = locations - np.asarray(record.reference_points, float)[query][None, :, None]
        (padded_h, padded_w), (resized_h, resized_w) = trace.frame.padded_hw, trace.frame.resized_hw
        shares.append(offsets * [padded_w / resized_w, padded_h / resized_h])
    moved = np.linalg.norm((shares[1] - shares[0]) * [WIDTH, HEIGHT], axis=-1)
    assert told["median"] == pytest.approx(np.median(moved), abs=0.02)
    assert told["largest"]["px"] == pytest.approx(moved.max(), abs=0.02)


def test_a_box_is_compared_by_overlap_place_and_size(first, second):
    query, other = 7, 2  # a house there, a tree here
    told = ask(
        f"deformviz.difference(a, {query}, b, {other}).box",
        pack_layer(first, "decoder.1"),
        pack_layer(second, "decoder.1"),
    )
    boxes = []
    for trace, one in ((first, query), (second, other)):
        said = np.asarray(trace.output.boxes_cxcywh, float)[one]
        x, y, w, h = said * [WIDTH, HEIGHT, WIDTH, HEIGHT]
        boxes.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    (a, b) = boxes
    wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes]
    both = wide * high
    assert told["overlap"] == pytest.approx(both / (sum(areas) - both), abs=1e-4)
    assert told["moved"] == pytest.approx(
        np.hypot((b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2), abs=0.01
    )
    assert told["size"] == pytest.approx(np.sqrt(areas[1] / areas[0]), abs=1e-4)


def test_layers_of_other_shapes_do_not_pair(first):
    record = first["decoder.1"]
    fewer = replace(
        record,
        sampling_offsets=record.sampling_offsets[:, :2],
        sampling_locations=record.sampling_locations[:, :2],
        attention_weights=record.attention_weights[:, :2],
    )
    other = replace(first, layers={**first.layers, "decoder.1": fewer})
    told = ask(
        "[deformviz.difference(a, 5, b, 5).points, deformviz.layerDifference(a, b)]",
        pack_layer(first, "decoder.1"),
        pack_layer(other, "decoder.1"),
    )
    assert told == [None, None]


def test_a_whole_layer_is_compared_query_by_query(first, second):
    told = ask(
        "deformviz.layerDifference(a, b)",
        pack_layer(first, "encoder.0"),
        pack_layer(second, "encoder.0"),
    )
    moved = np.linalg.norm(places(second, "encoder.0") - places(first, "encoder.0"), axis=-1)
    medians = np.median(moved.reshape(len(moved), -1), axis=1)[::2]  # 840 cells: every other one
    assert told["queries"] == len(medians)
    assert told["median"] == pytest.approx(np.median(medians), abs=0.02)


# -- which query answers ---------------------------------------------------------------------------


def same(one, query, other, numbered=False):
    text = json.dumps(numbered)
    found = ask(f"deformviz.sameQuery(a, {query}, b, {text})", one, other)
    return found["query"], found["by"]


def test_in_layers_of_one_run_a_query_is_itself(first):
    one, other = pack_layer(first, "decoder.0"), pack_layer(first, "decoder.1")
    assert same(one, 4, other, numbered=True) == (4, "number")


def test_what_found_an_object_is_answered_by_what_found_it_too(first):
    moved = np.asarray(first.detections.boxes_xyxy_px) + [4, 3, 4, 3]
    found = replace(first.detections, boxes_xyxy_px=moved, queries=np.array([1, 11, 8]))
    other = replace(first, detections=found)
    one, two = pack_layer(first, "decoder.1"), pack_layer(other, "decoder.1")
    for query, partner in ((7, 1), (2, 11), (5, 8)):
        assert same(one, query, two) == (partner, "object")


def test_what_found_nothing_is_answered_at_its_place(first):
    one = pack_layer(first, "decoder.1")
    sure = {7, 2, 5}
    references = np.asarray(first["decoder.1"].reference_boxes, float)[:, 0, :2]
    at = np.asarray(normalised_to_original(FRAME)(references))
    for query in sorted(set(range(12)) - sure):
        found, by = same(one, query, one)
        inside = [
            number
            for number, (_, x0, y0, x1, y1) in zip((7, 2, 5), OBJECTS, strict=True)
            if x0 <= at[query][0] + 0.5 <= x1 and y0 <= at[query][1] + 0.5 <= y1
        ]
        among = inside or range(12)
        nearest = min(among, key=lambda other: np.linalg.norm(at[other] - at[query]))
        assert (found, by) == (nearest, "place")


def test_a_cell_is_answered_by_the_cell_of_its_level_at_the_same_share_of_the_picture(first):
    other = replace(first, frame=OTHER)
    one, two = pack_layer(first, "encoder.0"), pack_layer(other, "encoder.0")
    rows, columns = SHAPES[1]
    start = int(SHAPES[0].prod())
    query = start + 3 * columns + 5
    share = np.array([5.5 / columns, 3.5 / rows]) * np.array(FRAME.padded_hw[::-1])
    share = share / np.array(FRAME.resized_hw[::-1])
    there = share * np.array(OTHER.resized_hw[::-1]) / np.array(OTHER.padded_hw[::-1])
    column, row = (there * [columns, rows]).astype(int)
    assert same(one, query, two) == (start + row * columns + column, "place")


# -- what moved, on the second picture -------------------------------------------------------------


def drawn(first, second, layer, view, compared):
    drawing = engine("sampling")
    a, b = (drawing.decode(pack_layer(trace, layer)) for trace in (first, second))
    given = {
        "palette": palette(5),
        "view": view,
        "query": view["query"],
        "width": 462,
        "height": 300,
    }
    told = drawing.evaluate(
        f"deformviz.marks({{...{json.dumps(given)}, layer: layers[{b}], "
        f"compared: {{...{json.dumps(compared)}, layer: layers[{a}]}}}}).marks"
    )
    return [mark for mark in told if mark["layer"] == "moved"]


def test_rings_are_where_the_points_are_on_the_first_picture(first, second):
    view = {"query": 9, "pinned": True, "heads": [2], "top": 0}
    marks = drawn(first, second, "decoder.1", view, {"query": 5})
    rings = [mark for mark in marks if mark["kind"] == "marker"]
    assert len(rings) == len(SHAPES) * POINTS == len(marks) / 2
    at = places(first, "decoder.1")[5, 2]
    to = places(second, "decoder.1")[9, 2]
    for ring in rings:
        of = ring["of"]
        np.testing.assert_allclose(ring["px"], at[of["level"], of["point"]], atol=0.02)
    for line in (mark for mark in marks if mark["kind"] == "line" and not mark["of"]["beyond"]):
        of = line["of"]
        wanted = [at[of["level"], of["point"]], to[of["level"], of["point"]]]
        np.testing.assert_allclose(line["px"], wanted, atol=0.02)


def test_rings_may_be_put_away_and_a_single_picture_has_none(first, second):
    view = {"query": 9, "pinned": True}
    assert drawn(first, second, "decoder.1", {**view, "moved": False}, {"query": 5}) == []
    drawing = engine("sampling")
    layer = drawing.decode(pack_layer(second, "decoder.1"))
    marks = drawing.ask("marks", layer=layer, view=view, query=9, width=462, height=300)
    assert "moved" not in {mark["layer"] for mark in marks["marks"]}
