"""Marks of a replay, between snapshots and with trails, against the snapshots' traces."""

import json

import pytest

from deformviz.figures.theme import palette
from deformviz.schema import ImageFrame
from tests.drawing.engine import engine
from tests.drawing.oracle.drawn import hold_against
from tests.drawing.oracle.grid import Grid
from tests.drawing.oracle.grid_subject import grid_subject
from tests.drawing.oracle.replay import blended, blended_grid, grid_trails, sampling_trails
from tests.drawing.oracle.sampling import Sampling
from tests.drawing.oracle.subject import decoder

FRAME = ImageFrame((48, 120), (24, 60), (32, 72))
SHAPES = [(5, 9), (3, 5)]
KINDS = {"boxes": True, "points": False}
GRIDS = [
    grid_subject(name, ImageFrame((60, 100), (36, 60), (48, 80)), version="v1", query_hw=(6, 10))
    for name in ("first", "second snapshot", "the third snapshot")
]


def snapshots(kind):
    """Three states of one decoder on one picture; objects change their query."""
    seeds = (11, 12, 13)
    states = [
        decoder(kind, FRAME, SHAPES, heads=3, points=4, queries=6, boxes=KINDS[kind], seed=seed)
        for seed in seeds
    ]
    return list(zip(states, (4, 1, 2), strict=True))


def drawn(door, subjects, oracle, size, view, layer, paths="[]"):
    """The marks of a layer, and of paths, that are expressions of `layers`."""
    drawing = engine("replay", door)
    kept = [drawing.decode(subject.packed) for subject in subjects]
    for number, index in enumerate(kept):
        layer, paths = (text.replace(f"<{number}>", f"layers[{index}]") for text in (layer, paths))
    given = {"view": view, "query": view["query"], "width": size[0], "height": size[1]}
    given |= {"palette": palette(len(SHAPES))}
    code = f"deformviz.{door}.marks({{...{json.dumps(given)}, layer: {layer}, paths: {paths}}})"
    return drawing.evaluate(code)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.25, 0.9])
@pytest.mark.parametrize("colour", ["head", "weight"])
def test_between_two_snapshots_every_point_is_that_far_on_its_way(kind, share, colour):
    (start, own), (end, other), _ = snapshots(kind)
    mixed = blended(start, own, end, other, share)
    view = {"query": own, "colour": colour, "padding": True}
    oracle = Sampling(mixed, view)
    layer = f"deformviz.sampling.blend(<0>, {own}, <1>, {other}, {share})"
    size = oracle.window.width, oracle.window.height
    marks = drawn("sampling", (start, end), oracle, size, view, layer)
    found = hold_against(marks, oracle.layers(), lambda _: oracle.window)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 40


@pytest.mark.parametrize("kind", KINDS)
def test_trails_lead_from_the_first_snapshot_to_the_one_on_show(kind):
    steps = snapshots(kind)
    subject, query = steps[-1]
    view = {"query": query, "lines": False, "heads": [0, 2]}
    oracle = Sampling(subject, view)
    taken = ", ".join(f"[<{number}>, {query}]" for number, (_, query) in enumerate(steps))
    paths = f"deformviz.sampling.paths([{taken}], {{heads: [0, 2], levels: [0, 1], top: 0}})"
    size = oracle.window.width, oracle.window.height
    subjects = [subject for subject, _ in steps]
    marks = drawn("sampling", subjects, oracle, size, view, "<2>", paths)
    layers = oracle.layers()
    layers["marks"] = {"trails": sampling_trails(steps, oracle), **layers["marks"]}
    found = hold_against(marks, layers, lambda _: oracle.window)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert sum(mark["layer"] == "trails" for mark in marks["marks"]) == 3 * 2 * 2 * 4


@pytest.mark.parametrize("share", [0.3, 0.75])
def test_a_grid_between_two_snapshots(share):
    mixed = blended_grid(*GRIDS[:2], share)
    view = {"query": 13, "heads": [1, 2], "arrows": False}
    oracle = Grid(mixed, view)
    layer = f"deformviz.grid.blend(<0>, 13, <1>, 13, {share})"
    marks = drawn("grid", GRIDS[:2], oracle, oracle.size, view, layer)
    found = hold_against(marks, oracle.layers(), lambda _: oracle.panels[0][0])
    assert not found.wrong, "\n".join(found.wrong[:12])


def test_trails_of_knots():
    view = {"query": 7, "heads": [4, 5], "mesh": False, "arrows": False}
    oracle = Grid(GRIDS[2], view)
    paths = "deformviz.grid.paths([[<0>, 7], [<1>, 7], [<2>, 7]], {heads: [4, 5]})"
    marks = drawn("grid", GRIDS, oracle, oracle.size, view, "<2>", paths)
    layers = oracle.layers()
    layers["marks"]["trails"] = grid_trails(GRIDS, oracle)
    found = hold_against(marks, layers, lambda _: oracle.panels[0][0])
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert sum(mark["layer"] == "trails" for mark in marks["marks"]) == 3 * 30
