"""Figures of attributions and weights: what is drawn is what was computed."""

import numpy as np
import pytest

from deformviz.figures.attribution import (
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
    assert x0 > 5                                   # the small one may fall out
    assert x1 <= 99.5 and y1 <= 59.5                # nothing beyond the picture


def test_the_window_is_the_picture_where_samples_are_everywhere():
    places = np.array([[[[0.0, 0.0], [99.0, 59.0]]]])
    same = np.ones((1, 1, 2))
    assert window_around(places, [same], SIZE_HW) == (-0.5, -0.5, 99.5, 59.5)


def test_the_chosen_box_alone_carries_its_name():
    boxes = {"cat": np.array([0, 0, 10, 10]), "dog": np.array([20, 30, 40, 50])}
    figure = boxes_over(boxes, "dog", SIZE_HW, picture="p.jpg")
    assert [note.text for note in figure.layout.annotations] == ["dog"]
    assert len(figure.layout.shapes) == 3           # one thin, two for the chosen one


def test_a_table_shows_every_number_and_leaves_out_what_is_missing():
    numbers = np.array([[0.25, np.nan], [0.5, -1.0]])
    figure = coloured_table(numbers, numbers, rows=["a", "b"], columns=["x", "y"], hover="%{z}",
                            digits=2)
    cells, text = figure.data
    assert cells.z[0][1] is None and cells.z[1][1] == -1
    assert list(zip(text.y, text.x, text.text, strict=True)) == [
        ("a", "x", "0.25"), ("b", "x", "0.50"), ("b", "y", "-1.00")]


def test_layers_with_fewer_heads_leave_their_cells_empty():
    figure = agreement_map({"early": np.array([0.5]), "late": np.array([0.1, np.nan, 0.3])})
    assert list(figure.data[0].z[0]) == [0.5, None, None]
    assert list(figure.data[1].text) == ["0.50", "0.10", "0.30"]


def test_the_legend_names_every_colour_and_shape():
    assert "level" not in marks_legend(3)
    told = marks_legend(2, 2, of="group", more="<all>")
    assert told.count("<b ") == 2 and "group" in told and "&lt;all&gt;" in told
