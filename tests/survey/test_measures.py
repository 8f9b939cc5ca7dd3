"""Every number of a study, computed once more sample by sample."""

import math
from dataclasses import replace

import numpy as np
import pytest

from deformviz.survey import samples
from deformviz.survey.cells import BINS, REACH_BOX, cells
from deformviz.survey.matching import Match
from deformviz.survey.operator import Measured, Operator
from deformviz.survey.pictures import Objects, Picture, SurveyError
from deformviz.survey.quantiles import quantiles_of_roots
from deformviz.survey.rows import (
    DETECTIONS,
    LAYERS,
    MEASURES,
    TENTHS,
    describe,
    layer_rows,
    to_table,
)
from deformviz.survey.samples import layer_of_queries, together
from deformviz.survey.settings import Settings
from deformviz.survey.sums import ALL, LayerSums, from_bytes, to_bytes
from deformviz.survey.tally import Tally, no_moments
from deformviz.tracing.proven import Proof
from tests.survey.random_layer import (
    HEADS,
    POINTS,
    QUERIES,
    SHAPES,
    a_trace,
    trace_of_boxes,
    unequal,
)

NOWHERE = np.full((QUERIES, 4), np.nan)


def settings(**changed):
    return Settings(model="m", images="i", pictures=1, digest="d", **changed)


def every_sample(record, head, level, queries):
    """(query, x, y, weight) of one head on one level, as plain numbers."""
    for query in queries:
        for point in range(POINTS):
            x, y = record.sampling_locations[query, head, level, point].tolist()
            yield query, x, y, float(record.attention_weights[query, head, level, point])


def by_hand(record, head, level, queries):
    """The measures of one head on one level, sample by sample."""
    height, width = SHAPES[level]
    samples = list(every_sample(record, head, level, queries))
    cx, cy, w, h = record.reference_boxes[:, level].T.tolist()
    inside = [
        weight
        for q, x, y, weight in samples
        if abs(x - cx[q]) <= w[q] / 2 and abs(y - cy[q]) <= h[q] / 2
    ]
    outside = [weight for _, x, y, weight in samples if not (0 <= x <= 1 and 0 <= y <= 1)]
    px = np.array([((x - cx[q]) * width, (y - cy[q]) * height) for q, x, y, _ in samples])
    box = np.array([((x - cx[q]) / w[q] * 2, (y - cy[q]) / h[q] * 2) for q, x, y, _ in samples])
    whole = record.attention_weights[list(queries), head].flatten(1).double().numpy()
    strayed = [math.sqrt(box[point::POINTS].var(axis=0).sum()) for point in range(POINTS)]
    found = {
        "weight_share": sum(s[3] for s in samples) / len(queries),
        "heaviest": np.mean([max(s[3] for s in samples if s[0] == query) for query in queries]),
        "entropy": np.mean([-sum(p * math.log(p) for p in row) for row in whole]),
        "outside_share": sum(outside) / len(queries),
        "inside_share": sum(inside) / len(queries),
        "spread": np.mean(strayed),
    }
    for unit, offsets in (("px", px), ("box", box)):
        lengths = np.hypot(*offsets.T)
        xx, xy, _, yy = np.cov(offsets.T, bias=True).ravel()
        found |= {
            f"offset_x_{unit}": offsets[:, 0].mean(),
            f"offset_y_{unit}": offsets[:, 1].mean(),
            f"offset_xx_{unit}": xx,
            f"offset_xy_{unit}": xy,
            f"offset_yy_{unit}": yy,
            f"radius_10_{unit}": np.quantile(lengths, 0.1),
            f"radius_50_{unit}": np.quantile(lengths, 0.5),
            f"radius_90_{unit}": np.quantile(lengths, 0.9),
        }
    return found


def rows_of(layer, picture=5):
    """The rows of one layer of a picture, as they are written."""
    return to_table("layers", [layer_rows(picture, Tally(layer))]).to_pylist()


def test_every_measure_equals_the_one_computed_sample_by_sample():
    record, queries = trace_of_boxes(), [1, 4, 8]
    layer = layer_of_queries("decoder.0", record, np.array(queries), NOWHERE[:3])
    rows = {(row["head"], row["level"]): row for row in rows_of(layer)}
    assert len(rows) == HEADS * len(SHAPES)
    for (head, level), row in rows.items():
        expected = by_hand(record, head, level, queries)
        assert set(expected) == set(MEASURES)
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=2e-5, abs=1e-6), (name, head, level)
        assert (row["picture"], row["queries"], row["boxed"]) == (5, 3, 3)


def test_levels_with_unequal_points_are_told_apart_and_not_padded():
    record = trace_of_boxes()
    queries = np.arange(QUERIES)
    whole = rows_of(layer_of_queries("l", record, queries, NOWHERE))
    some = rows_of(layer_of_queries("l", unequal(record), queries, NOWHERE))
    for first, second in zip(whole, some, strict=True):
        if first["level"] != 1:
            for name in ("weight_share", "spread", "offset_x_px", "radius_90_box", "outside_share"):
                assert first[name] == pytest.approx(second[name], rel=1e-5), name
        else:
            assert second["weight_share"] < first["weight_share"]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 140, 1501])
def test_quantiles_are_those_of_the_sorted_lengths(count):
    """Of few and of many; far apart, alike, zero, and beyond what is told apart by buckets."""
    rng = np.random.default_rng(4)
    lengths = rng.gamma(2, size=(count, 6)).astype(np.float32)
    lengths[:, 1] *= 1e4
    lengths[:, 2] = np.where(rng.random(count) < 0.4, 0, 1e-4 * lengths[:, 2])
    lengths[:, 5] = 1.7
    rows = np.array([0, 0, 1, 2, 2, 3])
    found = quantiles_of_roots(lengths**2, rows, TENTHS)
    for row in range(4):
        expected = np.quantile(lengths[:, rows == row], TENTHS)
        assert found[:, row] == pytest.approx(expected, rel=1e-5), row


@pytest.mark.parametrize("boxes", [True, False])
@pytest.mark.parametrize("together_at_once", [1, 70, samples.TOGETHER])
def test_some_queries_at_a_time_make_the_same_rows_and_sums(boxes, together_at_once, monkeypatch):
    """Of boxes, and of points of which some have an object."""
    objects = np.where(np.arange(QUERIES)[:, None] % 3, np.nan, [0.1, 0.2, 0.5, 0.9])
    record, queries = trace_of_boxes(boxes=boxes), np.arange(QUERIES)
    layer = layer_of_queries("l", record, queries, objects)
    whole = LayerSums("l", boxes, HEADS, (POINTS,) * len(SHAPES))
    whole.add(Tally(layer), {ALL: np.ones(QUERIES, bool)})
    expected = rows_of(layer)
    monkeypatch.setattr(samples, "TOGETHER", together_at_once)
    for row, theirs in zip(rows_of(layer), expected, strict=True):
        numbers = {name: row.pop(name) for name in MEASURES}
        for name, value in numbers.items():
            assert value == pytest.approx(theirs.pop(name), rel=1e-5, abs=1e-6), name
        assert row == theirs
    sums = LayerSums("l", boxes, HEADS, (POINTS,) * len(SHAPES))
    sums.add(Tally(layer), {ALL: np.ones(QUERIES, bool)})
    assert np.array_equal(sums.counts[ALL], whole.counts[ALL])
    assert sums.moments == pytest.approx(whole.moments, rel=1e-5, abs=1e-4)


def test_layers_that_are_alike_are_measured_together_and_told_apart():
    queries = np.arange(QUERIES)
    layers = [
        layer_of_queries(f"decoder.{seed}", trace_of_boxes(seed), queries, None)
        for seed in range(3)
    ]
    other = layer_of_queries("decoder.3", trace_of_boxes(3), queries[:4], None)
    joined, alone = together([*layers, other])
    assert (joined.names, alone.names) == (("decoder.0", "decoder.1", "decoder.2"), other.names)
    rows = rows_of(joined)
    assert [(row["layer"], row["head"], row["level"]) for row in rows] == [
        (name, head, level)
        for name in joined.names
        for head in range(HEADS)
        for level in range(len(SHAPES))
    ]
    apart = [row for layer in layers for row in rows_of(layer)]
    for row, theirs in zip(rows, apart, strict=True):
        assert [row[name] for name in MEASURES] == pytest.approx(
            [theirs[name] for name in MEASURES], rel=1e-5, abs=1e-6
        )
    for layer in layers:
        one, among = (LayerSums(*layer.names, True, HEADS, layer.points) for _ in range(2))
        one.add(Tally(layer), {ALL: queries >= 0, "some": queries > 5})
        among.add(Tally(joined), {ALL: queries >= 0, "some": queries > 5})
        assert all(np.array_equal(one.counts[name], among.counts[name]) for name in one.counts)
        assert among.moments == pytest.approx(one.moments, rel=1e-6)
        assert among.weight == pytest.approx(one.weight, rel=1e-6)


def test_points_have_no_box_unless_an_object_lies_there():
    record = trace_of_boxes(boxes=False)
    objects = NOWHERE.copy()
    objects[2] = [0.1, 0.2, 0.5, 0.9]
    layer = layer_of_queries("encoder.0", record, np.arange(QUERIES), objects)
    (row, *_) = rows_of(layer)
    assert row["boxed"] == 1
    locations = record.sampling_locations[2, 0, 0].double().numpy()
    expected = ((locations - [0.3, 0.55]) / [0.2, 0.35]).mean(axis=0)
    assert [row["offset_x_box"], row["offset_y_box"]] == pytest.approx(expected.tolist(), rel=1e-5)


def test_bins_put_zero_in_the_middle_and_the_far_on_the_rim():
    found = cells(np.array([[0, 0.13, 0, 99], [0, 0, -0.13, -99]], np.float32), REACH_BOX)
    middle = BINS // 2
    assert found.tolist() == [
        middle * BINS + middle,
        middle * BINS + middle + 1,
        (middle - 1) * BINS + middle,
        BINS - 1,
    ]


def test_sums_of_parts_are_the_sums_of_all_also_through_a_file():
    layers = [
        layer_of_queries("d", trace_of_boxes(seed), np.arange(QUERIES), NOWHERE)
        for seed in (1, 2, 3)
    ]
    some = np.arange(QUERIES) % 2 == 0
    groups = {ALL: np.ones(QUERIES, bool), "right": some}

    def add(*chosen):
        sums = LayerSums("d", True, HEADS, (POINTS,) * len(SHAPES))
        for layer in chosen:
            sums.add(Tally(layer), groups)
        return sums

    whole, parts = add(*layers), add(layers[0])
    parts.merge(from_bytes(to_bytes({"d": add(*layers[1:])}))["d"])
    for group in groups:
        assert np.array_equal(whole.counts[group], parts.counts[group])
        assert whole.weights[group] == pytest.approx(parts.weights[group], rel=1e-6)
    assert whole.counts[ALL].sum() == 3 * QUERIES * HEADS * len(SHAPES) * POINTS
    assert whole.counts["right"].sum() == 3 * some.sum() * HEADS * len(SHAPES) * POINTS
    assert (whole.pictures, whole.queries) == (parts.pictures, parts.queries) == (3, 3 * QUERIES)
    blocks = [layer.block(slice(None)) for layer in layers]
    offsets = np.concatenate([block.offsets_box for block in blocks], axis=1).astype(float)
    offsets = np.moveaxis(offsets, 0, -1).reshape(-1, HEADS, len(SHAPES), POINTS, 2)
    assert parts.mean == pytest.approx(offsets.mean(axis=0), rel=1e-5, abs=1e-6)
    assert parts.spread == pytest.approx(np.sqrt(offsets.var(axis=0).sum(-1)), rel=1e-5)


def measured(name="p", **changed):
    """One picture with known objects, through the operator."""
    trace = a_trace()
    picture = Picture(
        name, "p.png", Objects(np.array([[9.0, 5, 45, 27], [70, 30, 80, 40]]), ("dog", "cat"))
    )
    found = Measured()
    Operator(lambda image, wanted, prove: trace, settings(**changed)).measure(3, picture, found)
    return trace, found


def test_detections_are_matched_measured_and_grouped():
    trace, found = measured()
    first, second = to_table("detections", found.detections).to_pylist()
    assert (first["class"], first["query"], first["object"], first["right"]) == ("dog", 4, 0, True)
    assert (second["class"], second["object"], second["right"]) == ("cat", -1, False)
    assert first["side_px"] == pytest.approx(math.sqrt(36 * 20)) and first["size"] == "S"
    assert first["iou"] == pytest.approx(20 / 22)
    weights = trace["decoder.0"].attention_weights[4]
    assert sum(first["level_share"]) == pytest.approx(1, rel=1e-5)
    assert first["heaviest"] == pytest.approx(float(weights.flatten(1).amax(1).mean()), rel=1e-5)
    sums = found.sums["decoder.0"]
    per_query = HEADS * len(SHAPES) * POINTS
    assert sums.counts["right"].sum() == sums.counts["wrong"].sum() == per_query
    assert sums.counts["class dog"].sum() == per_query
    assert found.pictures[0]["objects"] == 2 and found.pictures[0]["detections"] == 2


def test_only_the_queries_asked_about_are_measured():
    _, all_of_them = measured()
    _, detected = measured(queries="detections")
    _, drawn = measured(queries="sample:5")

    def rows(found):
        return to_table("layers", found.layers).to_pylist()

    assert {row["queries"] for row in rows(all_of_them)} == {QUERIES}
    assert {(row["layer"], row["queries"]) for row in rows(detected)} == {("decoder.0", 2)}
    assert {row["queries"] for row in rows(drawn)} == {5}
    alike = [measured(queries="sample:5"), measured(queries="sample:5", seed=1)]
    alike += [measured("q", queries="sample:5")]
    same = [
        str(rows(found)) == str(rows(drawn)) for _, found in alike
    ]  # as text: NaN is not itself
    assert same == [True, False, False]


def test_what_is_written_is_what_is_documented():
    _, found = measured()
    assert set(found.layers[0]) == {field.name for field in LAYERS}
    assert set(found.detections[0]) == {field.name for field in DETECTIONS}
    assert "| `spread` | float |" in describe()
    assert Match(0, 1.0, True).right


def test_a_head_that_never_moves_has_no_variance_at_all():
    offsets = np.full((3000, 2, 3, 2), 1.7, np.float32)
    offsets[:, 1] += np.random.default_rng(0).normal(0, 0.3, (3000, 3, 2)).astype(np.float32)
    found = no_moments(2, 3)
    for some in np.array_split(np.moveaxis(offsets, -1, 0), 7, axis=1):
        found += some
    assert (found.covariance[:, 0] == 0).all()
    exact = np.moveaxis(offsets[:, 1].astype(float), -1, 1)  # [query xy sample]
    assert found.mean[:, 1] == pytest.approx(exact.mean(axis=0), rel=1e-6)
    assert found.covariance[:2, 1] == pytest.approx(exact.var(axis=0), rel=1e-5)
    squares = (offsets[..., 1].astype(float) ** 2).sum(axis=0)
    assert found.raw[3] == pytest.approx(squares, rel=1e-6)


def test_a_trace_that_does_not_replay_stops_the_study():
    trace = replace(a_trace(), proofs={"encoder.0": Proof("encoder.0", "", 0.1, 1e-5)})
    with pytest.raises(SurveyError, match="encoder.0 does not agree .* .difference 1e-01"):
        Operator(lambda image, wanted, prove: trace, settings()).measure(
            0, Picture("p", "p.png"), Measured()
        )


def test_a_picture_whose_numbers_are_not_finite_is_listed_and_counted_nowhere():
    trace, found = a_trace(), Measured()
    trace["decoder.0"].sampling_locations[2, 1, 0, 0, 1] = math.nan
    operator = Operator(lambda image, wanted, prove: trace, settings())
    operator.measure(3, Picture("p", "p.png"), found)
    assert [one["problem"] for one in found.pictures] == [
        "decoder.0 holds numbers that are not finite."
    ]
    assert not found.layers and not found.detections and not found.sums
