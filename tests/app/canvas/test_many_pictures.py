"""Dense attention and the head atlas in Chromium: pointing at one picture asks all of them."""

import base64

import pytest

from deformviz.figures.theme import palette
from tests.app.canvas.canvas_page import (
    click,
    eventually,
    expect_status,
    last_view,
    load_canvas,
    settle,
    wait_for_report,
)
from tests.app.synthetic_trace import picture_jpeg
from tests.drawing.oracle.atlas import AtlasSubject, Maps
from tests.drawing.oracle.dense import FRAME, MAP_HW, Dense, DenseSubject, dense_subjects

pytestmark = pytest.mark.browser
WHITE = [255, 255, 255, 255]


@pytest.fixture
def show(page):
    """Opens a kind of canvas with a packed layer; nothing may complain."""

    def opened(kind, blob):
        load_canvas(page, kind)
        data = {
            "trace": base64.b64encode(blob).decode(),
            "trace_url": kind,
            "title": "Boxes",
            "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg()).decode(),
            "palette": palette(3),
            "link": True,
            "view": {},
        }
        page.evaluate("(data) => window.show(data)", data)
        page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
        wait_for_report(page)
        settle(page)
        return page

    yield opened
    assert [error for error in page.console_errors if "404" not in error] == []


def stage(page):
    return page.locator(".dv-stage").bounding_box()


def point_at(page, x, y):
    """Move the pointer to a place of the stage, in pixels."""
    box = stage(page)
    page.mouse.move(box["x"] + x, box["y"] + y)
    settle(page)


def outlined(page, x, y, width, height):
    """Whether the marks have a white line along the left and the right of a box of the stage."""

    def lines():
        return page.evaluate(
            """(places) => {
              const canvas = document.querySelector(".dv-canvas-marks");
              const scale = canvas.width / canvas.getBoundingClientRect().width;
              return places.map(([x, y]) => Array.from(canvas.getContext("2d").getImageData(
                Math.floor(x * scale), Math.floor(y * scale), 1, 1).data));
            }""",
            [[x, y + height / 2], [x + width - 0.01, y + height / 2]],
        )

    return lines() == [WHITE, WHITE]


def test_pointing_at_one_head_outlines_the_query_on_every_picture_of_dense_attention(show):
    subject = dense_subjects()[0]
    page = show("dense", subject.packed)
    shown = DenseSubject(subject.trace, subject.layer, stage(page)["width"])
    row, column = 3, 2
    query = row * MAP_HW[1] + column
    windows = Dense(shown, query, dim=0.45).windows
    assert len(windows) == 5 and FRAME.padded_hw[0] > FRAME.resized_hw[0]
    place = [(column + 0.5) / MAP_HW[1], (row + 0.5) / MAP_HW[0]]
    point_at(page, *windows[2].place(place))
    expect_status(page, f"row {row}, column {column}")
    for window in windows:
        cell = window.box(shown.corners(query))
        assert outlined(page, cell["x"], cell["y"], cell["width"], cell["height"])
    box = stage(page)
    x, y = windows[4].place(place)
    click(page, x / box["width"], y / box["height"])
    eventually(page, lambda: last_view(page)["query"] == query and last_view(page)["pinned"])


def test_pointing_at_a_map_of_the_atlas_names_its_head_and_frames_it(show):
    page = show("atlas", AtlasSubject("in a browser", 811.0, seed=5).packed)
    subject = AtlasSubject("in a browser", stage(page)["width"], seed=5)
    maps = Maps(subject, 0, None, False)
    layer, head, query, left, top = maps.tiles[9]
    assert (layer.name, head, query) == ("decoder.0", 4, 9)
    x, y = left + 0.3 * maps.side, top + 0.6 * maps.side
    point_at(page, x, y)
    expect_status(page, "decoder.0 head 4")
    box = stage(page)
    click(page, x / box["width"], y / box["height"])  # a pinned head has the wider frame
    expect_status(page, "pinned")
    side = maps.side + 4
    assert outlined(page, left - 2, top - 2, side, side)
    *_, first_left, first_top = maps.tiles[0]
    assert not outlined(page, first_left - 2, first_top - 2, side, side)
