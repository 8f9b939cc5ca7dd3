"""What is taken along says what the trace says: figures with legend and caption, and numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deformviz.figures.theme import palette
from tests.drawing.engine import engine
from tests.drawing.oracle import signs
from tests.drawing.oracle.drawn import hold_against
from tests.drawing.oracle.sampling import Sampling
from tests.drawing.oracle.subject import BOXES, POINTS, SUBJECTS, TALL, WIDE
from tests.drawing.test_grid_oracle import BARE
from tests.drawing.test_grid_oracle import WIDE as GRID

LONG_SIDE = 1000
FACTS = {"title": "A picture", "note": "out of domain"}


def figure(kind, subject, view):
    """The marks of an exported figure, and the size and title of its sheet."""
    drawing = engine(kind)
    given = {"view": view, "query": view["query"], "palette": palette(5)}
    if hasattr(subject, "shapes"):
        given["palette"] = palette(len(subject.shapes))
    layer = f"layers[{drawing.decode(subject.packed)}]"
    return drawing.evaluate(
        f"deformviz.figure({{...{json.dumps(given)}, layer: {layer}}}, {json.dumps(FACTS)})"
    )


@pytest.mark.parametrize("view", [{}, {"colour": "weight", "top": 7}, {"mass": True}], ids=str)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_figure_shows_the_marks_of_the_view_at_its_own_size(subject, view):
    view = {**view, "query": 2}
    aspect = (lambda w: w.width / w.height)(subject.window(view))
    shown = replace(subject, width=LONG_SIDE if aspect > 1 else LONG_SIDE * aspect)
    oracle = Sampling(shown, view)
    made = figure("sampling", subject, view)
    by_surface = {surface: [] for surface in ("photo", "field", "marks")}
    layer_of = {layer: surface for surface, layers in oracle.layers().items() for layer in layers}
    for mark in made["marks"]:
        if mark["layer"] in layer_of:
            x_y = mark.get("points") or [[mark["x"], mark["y"]]]
            if "width" in mark:
                x_y = [*x_y, [mark["x"] + mark["width"], mark["y"] + mark["height"]]]
            mark["px"] = oracle.window.original(x_y).tolist()  # a figure does not need them
            by_surface[layer_of[mark["layer"]]].append(mark)
    found = hold_against(by_surface, oracle.layers(), lambda _: oracle.window)
    assert not found.wrong, "\n".join(found.wrong[:12])
    sheet, below = (m for m in made["marks"] if m["layer"] == "paper")
    assert (sheet["width"], sheet["height"]) == (made["width"], made["height"])
    assert below["y"] == pytest.approx(oracle.window.height)


@pytest.mark.parametrize("subject", [TALL, POINTS, BOXES], ids=lambda subject: subject.name)
def test_the_legend_names_every_colour_and_shape_that_is_shown(subject):
    _, heads, levels, _ = subject.weights.shape
    made = figure("sampling", subject, {"query": 1, "heads": [0, heads - 1]})
    legend = [mark for mark in made["marks"] if mark["layer"] == "legend"]
    signs_of = {}
    for sign, name in zip(legend, legend[1:], strict=False):
        if sign["kind"] == "marker" and name["kind"] == "text":
            signs_of[name["text"]] = (sign["shape"], sign["fill"])
    expected = {f"h{head}": ("circle", signs.head_fill(head)) for head in (0, heads - 1)}
    expected |= {f"level {level}": (signs.shape_of(level), signs.WHITE) for level in range(levels)}
    assert signs_of == expected


def test_the_caption_says_whose_picture_it_is_and_what_its_signs_mean():
    subject, view = TALL, {"query": 50, "top": 4, "colour": "weight", "mass": True, "level": 1}
    made = figure("sampling", subject, view)
    said = " ".join(
        m["text"] for m in made["marks"] if m["kind"] == "text" and m["layer"] == "legend"
    )
    level, row, column = subject.cells[50]
    heaviest = subject.weights[50].max()
    for words in (
        "A picture", "oracle", "encoder.1", f"level {level} · row {row}, column {column}",
        "the 4 heaviest points", "random", "out of domain",
        f"attention weight, dark 0 to light {heaviest:.3f}", "Shape: level", "of level 1",
    ):  # fmt: skip
        assert words in said, words


@pytest.mark.parametrize("subject", [TALL, WIDE, BOXES], ids=lambda subject: subject.name)
def test_rows_of_points_are_those_of_the_trace(subject):
    drawing, query = engine("replay", "sampling"), 3
    layer = f"layers[{drawing.decode(subject.packed)}]"
    _, heads, levels, _ = subject.weights.shape
    view = json.dumps({"heads": list(range(heads)), "levels": list(range(levels))})
    assert drawing.evaluate("deformviz.sampling.csv.head") == "query,head,level,point,x,y,weight"
    rows = drawing.evaluate(f"deformviz.sampling.csv.rows({layer}, {query}, {view})")
    numbers = np.array([row.split(",") for row in rows], float)
    assert len(numbers) == subject.weights[query].size
    for row in numbers:
        head, level, point = (int(part) for part in row[1:4])
        assert row[0] == query
        place = subject.locations[query, head, level, point]
        np.testing.assert_allclose(row[4:6], place, atol=float(subject.location_step.max()) + 1e-6)
        weight = subject.weights[query, head, level, point]
        assert row[6] == pytest.approx(weight, abs=subject.weight_step + 1e-6)
    assert (np.diff(numbers[:, 6]) <= 1e-9).all()


@pytest.mark.parametrize("subject", [GRID, BARE], ids=lambda subject: subject.name)
def test_rows_of_knots_are_those_of_the_trace(subject):
    drawing, query = engine("replay", "grid"), 5
    layer = f"layers[{drawing.decode(subject.packed)}]"
    head_line = drawing.evaluate("deformviz.grid.csv.head")
    rows = drawing.evaluate(
        f"deformviz.grid.csv.rows({layer}, {query}, {{heads: [1, 4], importance: false}})"
    )
    assert len(rows) == 2 * subject.weights.shape[2]
    wide = subject.record.grid_hw[1]
    for line in rows:
        row = dict(zip(head_line.split(","), line.split(","), strict=True))
        head, knot = int(row["head"]), int(row["knot_row"]) * wide + int(row["knot_column"])
        group = subject.group_of(head)
        assert (int(row["query"]), int(row["group"])) == (query, group)
        for name, field in (("reference", "reference_grid"), ("position", "positions")):
            given = float(row[f"{name}_x"]), float(row[f"{name}_y"])
            np.testing.assert_allclose(given, subject.places(field)[group, knot], atol=1e-5)
        assert float(row["attention"]) == pytest.approx(
            subject.weights[head, query, knot], abs=subject.weight_step + 1e-6
        )
        assert float(row["mean_attention"]) == pytest.approx(
            subject.weights[head].mean(0)[knot], abs=subject.weight_step + 1e-6
        )
        bias = subject.record.position_bias
        if bias is None:
            assert row["position_bias"] == ""
        else:
            assert float(row["position_bias"]) == pytest.approx(
                float(bias[head, query, knot]), abs=1e-3
            )
