"""Figures of attributions and weights: what is drawn is what was computed."""

import numpy as np
import pytest

from deformviz.figures.attribution import (
    CELL_INK,
    CELLS,
    agreement_map,
    boxes_over,
    coloured_table,
    sample_amounts,
    window_around,
)
from deformviz.figures.legend import marks_legend

SIZE_HW = (60, 100)


def test_a_mark_is_as_large_as_its_amount_and_hollow_where_it_speaks_against():
    amounts = np.array([[[0.4, -0.1]], [[0.1, 0.0]]])
    places = np.array([[[[10, 20], [30, 20]]], [[[50, 20], [70, 20]]]])
    figure = sample_amounts(places, amounts, SIZE_HW, picture="p.jpg")
    first = figure.data[0].marker
    areas = (np.array(first.size) - 1.5) ** 2
    assert areas[0] / areas[1] == pytest.approx(4)
    assert list(first.symbol) == ["circle", "circle-open"]
    assert list(figure.data[1].x) == [50, 70] and figure.data[1].name == "head 1"


def test_the_window_holds_the_box_and_every_sample_that_counts():
    places = np.array([[[[80.0, 50.0], [5.0, 5.0]]]])
    box = np.array([60, 40, 70, 50])
    weights, worth = np.array([[[1.0, 0.01]]]), np.array([[[0.2, 0.0]]])
    x0, y0, x1, y1 = window_around(places, [weights, worth], SIZE_HW, box)
    assert x0 < 60 and x1 > 80 and y0 < 40 and y1 > 50
    assert x0 > 5  # the small one may fall out
    assert x1 <= 99.5 and y1 <= 59.5  # nothing beyond the picture


def test_the_window_is_the_picture_where_samples_are_everywhere():
    places = np.array([[[[0.0, 0.0], [99.0, 59.0]]]])
    same = np.ones((1, 1, 2))
    assert window_around(places, [same], SIZE_HW) == (-0.5, -0.5, 99.5, 59.5)


def test_the_chosen_box_alone_carries_its_name():
    boxes = {"cat": np.array([0, 0, 10, 10]), "dog": np.array([20, 30, 40, 50])}
    figure = boxes_over(boxes, "dog", SIZE_HW, picture="p.jpg")
    assert [note.text for note in figure.layout.annotations] == ["dog"]
    assert len(figure.layout.shapes) == 3  # one thin, two for the chosen one


def test_a_click_means_the_smallest_box_around_it():
    boxes = {
        "street": np.array([10, 5, 90, 55]),
        "cat": np.array([40, 20, 60, 40]),
        "fly": np.array([70.2, 30.2, 70.4, 30.4]),
    }
    points = boxes_over(boxes, "cat", SIZE_HW, picture="p.jpg").data[0]
    assert points.marker.opacity == points.unselected.marker.opacity == 0
    assert set(points.text) == set(boxes)  # the fly as well, smaller than any step
    for x, y, name in zip(points.x, points.y, points.text, strict=True):
        x0, y0, x1, y1 = boxes[name] - 0.5
        assert x0 <= x <= x1 and y0 <= y <= y1
        if name == "street":
            assert not (39.5 < x < 59.5 and 19.5 < y < 39.5)


def luminance(colour):
    """Relative luminance of a hex colour, as WCAG 2 defines it."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_numbers_can_be_read_on_every_cell():
    for _, colour in CELLS:
        assert (luminance(colour) + 0.05) / (luminance(CELL_INK) + 0.05) > 4.5
    found = np.array([[1.0]])
    text = coloured_table(found, found, rows=["a"], columns=["x"], hover="", digits=1).data[1]
    assert text.textfont.color == CELL_INK


def test_a_table_shows_every_number_and_leaves_out_what_is_missing():
    numbers = np.array([[0.25, np.nan], [0.5, -1.0]])
    figure = coloured_table(
        numbers, numbers, rows=["a", "b"], columns=["x", "y"], hover="%{z}", digits=2
    )
    cells, text = figure.data
    assert cells.z[0][1] is None and cells.z[1][1] == -1
    assert list(zip(text.y, text.x, text.text, strict=True)) == [
        ("a", "x", "0.25"),
        ("b", "x", "0.50"),
        ("b", "y", "-1.00"),
    ]


def test_layers_with_fewer_heads_leave_their_cells_empty():
    figure = agreement_map({"early": np.array([0.5]), "late": np.array([0.1, np.nan, 0.3])})
    assert list(figure.data[0].z[0]) == [0.5, None, None]
    assert list(figure.data[1].text) == ["0.50", "0.10", "0.30"]


def test_the_legend_names_every_colour_and_shape():
    assert "level" not in marks_legend(3)
    told = marks_legend(2, 2, of="group", more="<all>")
    assert told.count("<b ") == 2 and "group" in told and "&lt;all&gt;" in told
