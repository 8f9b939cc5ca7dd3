"""Figures for papers: their marks are the trace's numbers, their files whole, their code draws."""

from dataclasses import replace

import numpy as np
import pytest

import deformviz as dv
from deformviz.analysis.attribution_records import Faithfulness
from deformviz.analysis.grid import knot_importance
from deformviz.analysis.offsets import offsets_of_locations
from deformviz.figures.studio import Choice, Material, Paper, make
from deformviz.figures.studio.material import SHIPPED_RUNS, pixels_of, unpack
from deformviz.figures.studio.moments import some_moments
from deformviz.figures.studio.points import AREAS, FULL_RADIUS, LEAST_RADIUS, marker_sizes
from deformviz.figures.theme import SEQUENTIAL, head_colour, level_colour
from deformviz.geometry import grid_to_normalised, normalised_to_original
from deformviz.tracing.packing import pack_layer
from tests.app.synthetic_trace import FRAME, HEADS, POINTS, SHAPES, picture_jpeg
from tests.drawing.oracle.grid_subject import grid_subject
from tests.drawing.oracle.keys import key_subject
from tests.figures.printed import PrintedFigure

HEIGHT, WIDTH = FRAME.original_hw
WHOLE = (-0.5, -0.5, WIDTH - 0.5, HEIGHT - 0.5)
LEVELS = len(SHAPES)
MOMENTS = (0, 10, 400)
LIGHTEST = (LEAST_RADIUS / FULL_RADIUS) ** 2  # what weighs less is as large as this


def printed(name, material, paper=None, **choice):
    made = make(name, material, Choice(**choice), paper or Paper())
    return PrintedFigure(made.data("svg"))


def places_of(trace, layer, query):
    """Where the samples of a query lie, pixel indices [head level point xy]."""
    return np.asarray(normalised_to_original(FRAME)(trace[layer].sampling_locations[query]))


@pytest.fixture(scope="module")
def by_head(material):
    """Head, level and offset figures of one query, printed once."""
    asked = {"layer": "decoder.0", "query": 7}
    return {name: printed(name, material, **asked) for name in ("points-by-head", "offsets")}


def test_every_sample_is_printed_where_the_trace_says_and_as_large_as_its_weight(by_head, traces):
    marks = by_head["points-by-head"].marks("samples-0", 0, WHOLE)
    weights = traces[0]["decoder.0"].attention_weights[7].reshape(-1)
    places = places_of(traces[0], "decoder.0", 7).reshape(-1, 2)
    of_sample = np.argsort(-np.maximum(weights, LIGHTEST), kind="stable")  # heavy ones below
    np.testing.assert_allclose(marks.centres, places[of_sample], atol=0.05)
    levels = np.tile(np.repeat(np.arange(LEVELS), POINTS), HEADS)[of_sample]
    discs = (levels == 0) & (weights[of_sample] > 0.02)
    assert discs.sum() > 3
    areas = marks.extents[discs].prod(axis=1)
    np.testing.assert_allclose(
        areas / weights[of_sample][discs], areas[0] / weights[of_sample][discs][0], rtol=0.02
    )


def test_printed_marks_are_those_of_the_page(by_head, traces):
    pytest.importorskip("py_mini_racer")
    from tests.drawing.engine import engine

    drawing = engine("sampling")
    view = {"query": 7, "lines": False, "heads": list(range(HEADS)), "levels": list(range(LEVELS))}
    marks = drawing.ask(
        "marks",
        levels=LEVELS,
        layer=drawing.decode(pack_layer(traces[0], "decoder.0")),
        view=view,
        query=7,
        width=600.0,
        height=600.0 * HEIGHT / WIDTH,
    )["marks"]
    on_page = {
        (mark["of"]["head"], mark["of"]["level"], mark["of"]["point"]): (mark["px"], mark["fill"])
        for mark in marks
        if mark["layer"] == "samples" and mark["kind"] == "marker" and not mark["of"]["beyond"]
    }
    seen = by_head["points-by-head"].marks("samples-0", 0, WHOLE)
    assert len(on_page) > 20
    for (_, level, _), (place, fill) in on_page.items():
        nearest = int(np.linalg.norm(seen.centres - place, axis=1).argmin())
        if level < 2:  # a triangle's middle is not that of its corners
            np.testing.assert_allclose(seen.centres[nearest], place, atol=0.05)
            assert seen.fills[nearest] == fill


def test_colour_is_the_head(by_head, traces):
    marks = by_head["points-by-head"].marks("samples-0", 0, WHOLE)
    places = places_of(traces[0], "decoder.0", 7).reshape(-1, 2)
    for centre, fill in zip(marks.centres, marks.fills, strict=True):
        nearest = int(np.linalg.norm(places - centre, axis=1).argmin())
        assert fill == head_colour(nearest // (LEVELS * POINTS))


def test_the_area_of_a_marker_is_its_weight_whatever_its_shape():
    from matplotlib.markers import MarkerStyle

    weights = np.array([0.2, 0.2, 0.3, 0.4, 0.5])
    sizes = marker_sizes(weights, list(AREAS), (80.0, 60.0))
    areas = []
    for symbol, size in zip(AREAS, sizes, strict=True):
        style = MarkerStyle(symbol)
        outline = style.get_path().transformed(style.get_transform())
        (x, y), (u, v) = (c := outline.to_polygons()[0][:-1]).T, np.roll(c, -1, axis=0).T
        areas.append(size * abs((x * v - u * y).sum()) / 2)
    np.testing.assert_allclose(areas / weights, areas[0] / weights[0], rtol=0.01)


def test_offsets_run_from_the_reference_to_each_sample(by_head, traces):
    lines = by_head["offsets"].lines("offsets-0", 0, WHOLE)
    places = places_of(traces[0], "decoder.0", 7).reshape(-1, 2)
    reference = traces[0]["decoder.0"].reference_points[7, 0]
    begun = np.asarray(normalised_to_original(FRAME)(reference))
    inside = ((places > 0) & (places < [WIDTH - 1, HEIGHT - 1])).all(axis=1)
    assert len(lines) == len(places) and inside.sum() > 20
    for line, place in zip(np.array(lines, object)[inside], places[inside], strict=True):
        np.testing.assert_allclose(np.asarray(line, float), [begun, place], atol=0.05)


def test_figure_6_colours_by_weight_and_frames_what_was_found(material, traces):
    seen = printed("figure-6", material, layer="decoder.1", query=7)
    marks = seen.marks("samples-0", 0, WHOLE)
    weights = traces[0]["decoder.1"].attention_weights[7].reshape(-1)
    np.testing.assert_allclose(
        marks.centres, places_of(traces[0], "decoder.1", 7).reshape(-1, 2), atol=0.05
    )
    share = weights / weights.max() * (len(SEQUENTIAL) - 1)
    assert marks.fills == [SEQUENTIAL[step] for step in np.rint(share).astype(int)]
    np.testing.assert_allclose(marks.extents, marks.extents[0, 0], rtol=1e-3)
    box = seen.lines("box-0", 0, WHOLE)[0]
    np.testing.assert_allclose(box.min(0), np.array([20, 30]) - 0.5, atol=0.05)
    np.testing.assert_allclose(box.max(0), np.array([110, 130]) - 0.5, atol=0.05)
    assert "house 0.91" in seen.letters


def test_only_chosen_heads_and_levels_are_printed_and_of_these_the_heaviest(material, traces):
    seen = printed("points-by-level", material, layer="decoder.0", query=2, heads=(1, 3),
                   levels=(0, 2), top=4)  # fmt: skip
    marks = seen.marks("samples-0", 0, WHOLE)
    chosen = traces[0]["decoder.0"].attention_weights[2][[1, 3]][:, [0, 2]]
    places = places_of(traces[0], "decoder.0", 2)[[1, 3]][:, [0, 2]].reshape(-1, 2)
    heaviest = np.argsort(-chosen.reshape(-1))[:4]
    away = np.linalg.norm(marks.centres[:, None] - places[heaviest][None], axis=-1)
    assert len(marks.centres) == 4 and away.min(axis=1).max() < 0.5
    assert set(marks.fills) <= {level_colour(0, LEVELS), level_colour(2, LEVELS)}


@pytest.mark.slow
def test_clouds_hold_the_offset_of_every_query(material, traces):
    seen = printed("offset-clouds", material, layer="decoder.1")
    trace = traces[0]["decoder.1"]
    offsets = offsets_of_locations(trace.sampling_locations, trace.references, SHAPES)
    reach = 1.08 * max(1, np.quantile(np.abs(offsets), 0.995))
    panel, head, level = 2 * HEADS + 1, 1, 2
    marks = seen.marks(f"cloud-{head}-{level}", panel, (-reach, -reach, reach, reach))
    wanted = offsets[:, head, level].reshape(-1, 2)
    np.testing.assert_allclose(marks.centres, wanted, atol=0.02 * reach)


def test_a_star_is_head_0_on_level_0_at_an_end_of_the_training(training, traces):
    for name, moment in (("star-start", 0), ("star-end", 400)):
        made = make(name, training, Choice(layer="decoder.0", query=7, zoom=1.0), Paper())
        marks = PrintedFigure(made.data("svg")).marks("samples-0", 0, WHOLE)
        wanted = places_of(traces[moment], "decoder.0", 7)[0, 0]
        away = np.linalg.norm(marks.centres[:, None] - wanted[None], axis=-1)
        assert len(marks.centres) == POINTS and away.min(axis=1).max() < 0.05
        assert f"iteration {moment}" in made.caption and f"iteration={moment}" in made.code


def test_one_object_is_followed_through_the_training(training, traces):
    made = make("over-training", training, Choice(layer="decoder.1", followed=1), Paper())
    seen = PrintedFigure(made.data("svg"))
    for panel, (moment, query) in enumerate(zip(MOMENTS, (8, 3, 6), strict=True)):
        marks = seen.marks(f"samples-{panel}", panel, WHOLE)
        wanted = places_of(traces[moment], "decoder.1", query).reshape(-1, 2)
        away = np.linalg.norm(marks.centres[:, None] - wanted[None], axis=-1)
        assert np.median(away.min(axis=1)) < 0.05
        assert f"iteration {moment}" in seen.letters
    assert "8, 3, 6" in made.caption and "followed=1" in made.code


@pytest.mark.slow
def test_clouds_through_training_have_a_row_per_moment(training, traces):
    seen = printed("offset-clouds-over-training", training, layer="decoder.0")
    every = [
        offsets_of_locations(t["decoder.0"].sampling_locations, t["decoder.0"].references, SHAPES)
        for t in traces.values()
    ]
    every_one = np.abs(np.concatenate([each.ravel() for each in every]))
    reach = 1.08 * max(1, np.quantile(every_one, 0.995))
    marks = seen.marks("cloud-2-3", 2 * HEADS + 3, (-reach, -reach, reach, reach))
    np.testing.assert_allclose(marks.centres, every[2][:, 3].reshape(-1, 2), atol=0.02 * reach)


def test_some_moments_are_the_first_the_last_and_some_between():
    assert some_moments([0, 10, 30, 100, 300, 1000, 3000]) == [0, 30, 100, 300, 3000]
    assert some_moments([0, 5]) == [0, 5]


@pytest.fixture(scope="module")
def grid():
    return grid_subject("tiny", FRAME, version="v1", query_hw=(7, 11))


def of_grid(grid):
    return Material(
        pixels_of(picture_jpeg()), ("grid",), lambda name, iteration: unpack(grid.packed), "DAT"
    )


def knots_of(grid, group):
    record = unpack(grid.packed).trace
    points = grid_to_normalised(
        record.positions[group], record.query_hw, align_corners=record.align_corners
    )
    return record, np.asarray(normalised_to_original(FRAME)(np.asarray(points, np.float64)))


@pytest.mark.parametrize("group", [0, 1])
def test_a_grid_has_each_knot_where_it_went(grid, group):
    seen = printed("dat-grid", of_grid(grid), layer="grid", group=group)
    _, knots = knots_of(grid, group)
    marks = seen.marks("knots-0", 0, WHOLE)
    np.testing.assert_allclose(marks.centres, knots, atol=0.05)


def test_importance_is_the_area_of_a_disc_per_head_and_knot(grid):
    seen = printed("dat-importance", of_grid(grid), layer="grid", group=1)
    record, knots = knots_of(grid, 1)
    heads = [h for h in range(len(record.attention_weights)) if record.group_of(h) == 1]
    shares = knot_importance(record)[heads].reshape(-1)
    order = np.argsort(-shares, kind="stable")
    marks = seen.marks("knots-0", 0, WHOLE)
    np.testing.assert_allclose(marks.centres, np.tile(knots, (len(heads), 1))[order], atol=0.05)
    visible = shares[order] > 0.01
    areas = marks.extents[visible, 0] ** 2
    ratio = areas / shares[order][visible]
    np.testing.assert_allclose(ratio, ratio[0], rtol=0.02)


def test_five_attentions_print_the_places_of_each_set():
    subject = key_subject("tiny", (HEIGHT, WIDTH), 800.0, seed=5)
    material = Material(
        pixels_of(picture_jpeg()), ("key-sets",), lambda n, i: unpack(subject.packed), "two models"
    )
    seen = printed("five-attentions", material, query=31, paper=Paper(width_mm=170))
    for number, one in enumerate(subject.sets):
        places = one.places_xy[31]
        weights = None if one.weights is None else one.weights[31]
        known = np.isfinite(places[:, 0])
        wanted = places[known] * [WIDTH, HEIGHT] - 0.5
        if weights is not None:
            wanted = wanted[np.argsort(-weights[known], kind="stable")]
        marks = seen.marks(f"keys-{number}", number, WHOLE)
        away = np.linalg.norm(marks.centres[:, None] - wanted[None], axis=-1).min(axis=1)
        assert len(marks.centres) == len(wanted) and away.max() < 0.1


def test_deletion_curves_are_the_scores_of_the_study(material):
    counts = np.array([0, 5, 9])
    curves = {
        ("deletion", "weight"): np.array([0.9, 0.4, 0.1]),
        ("deletion", "random"): np.array([0.9, 0.7, 0.1]),
    }
    found = Faithfulness("decoder.1", 9, counts, curves)
    studied = replace(material, deleted=lambda layer, query: found)
    seen = printed("deletion-curves", studied, layer="decoder.1", query=7)
    line = seen.lines("curve-weight", 0, (0, 1, 100, 0))[0]
    np.testing.assert_allclose(line[:, 0], 100 * counts / 9, atol=0.1)
    heights = line[:, 1]
    np.testing.assert_allclose(
        (heights[0] - heights[1]) / (heights[1] - heights[2]), 5 / 3, rtol=0.01
    )
    assert any(f"by weight, area {found.area('deletion', 'weight'):.3f}" in t for t in seen.letters)
    assert "score of house" in seen.letters


@pytest.mark.slow
def test_the_shipped_run_begins_as_a_star(tmp_path):
    assert (SHIPPED_RUNS / "detector").is_dir()
    seen = PrintedFigure(dv.figure("star-start", "beach-dusk").data("svg"))
    lines = seen.lines("offsets-0", 0, (0, 0, 1, 1))
    ways = np.array([end - start for start, end in lines])
    lengths = np.linalg.norm(ways, axis=1)
    np.testing.assert_allclose(lengths / lengths[0], [1, 2, 3, 4], rtol=0.02)
