"""A canvas that leaves before what it asked for came: no complaint, and nothing more is told."""

import base64
import gzip
import json
import lzma

import pytest

from deformviz.figures.theme import palette
from tests.app.canvas.canvas_page import (
    ORIGIN,
    canvas_data,
    eventually,
    load_canvas,
    packed,
    settle,
)
from tests.app.canvas.test_grid import grid_of
from tests.app.canvas.test_keys import packed_key_sets
from tests.app.synthetic_trace import picture_jpeg
from tests.drawing.record import RECORDINGS

pytestmark = pytest.mark.browser
LATER = f"{ORIGIN}/later/"
MANIFEST = {
    "name": "tiny",
    "title": "tiny",
    "kind": "detector",
    "growing": False,
    "version": "1",
    "address": f"{LATER}frames",
    "iterations": list(range(9)),  # more than are asked for at once
    "coming": [],
    "layers": ["encoder.0"],
    "layer_titles": {"encoder.0": "encoder 0"},
    "heads": 4,
    "levels": 3,
    "objects": [],
    "matches": {},
    "curves": {"iterations": []},
    "loss": [],
}


class Late:
    """Whatever is asked for below `LATER` waits here until it is let go."""

    def __init__(self, page):
        self.page, self.waiting, self.asked = page, [], 0

    def open(self, kind, **data):
        load_canvas(self.page, kind)
        self.page.route(f"{LATER}**", self.hold)
        self.page.evaluate("(data) => window.show(data)", data)

    def hold(self, route):
        self.waiting.append(route)
        self.asked += 1

    def wait(self, count):
        eventually(self.page, lambda: len(self.waiting) >= count)

    def answer(self, **reply):
        routes, self.waiting = self.waiting, []
        for route in routes:
            route.fulfill(**reply)
        self.page.wait_for_timeout(100)
        settle(self.page)


@pytest.fixture
def late(page):
    """The page with nothing opened yet; fails where the console complains or more is told."""
    late = Late(page)
    yield late
    assert page.evaluate("window.told.length") == page.evaluate("window.told_by_then")
    assert [error for error in page.console_errors if "404" not in error] == []
    assert page.locator(".dv, .wt").count() == 0


def leave(page):
    page.evaluate("window.told_by_then = window.told.length; window.leave()")


@pytest.mark.parametrize(
    ("kind", "blob"),
    [
        ("sampling", lambda: packed("encoder.0")),
        ("grid", grid_of),
        ("keys", lambda: gzip.compress(packed_key_sets())),
    ],
    ids=["sampling", "grid", "keys"],
)
def test_a_picture_leaves_before_its_layer_came(late, kind, blob):
    data = canvas_data() | {"palette": palette(5), "trace": None, "trace_url": f"{LATER}layer"}
    late.open(kind, **data)
    late.wait(1)
    leave(late.page)
    late.answer(body=blob())


def test_a_picture_leaves_before_it_said_what_it_shows(late):
    late.open("sampling", **canvas_data())
    late.page.evaluate(
        """() => new Promise((done) => {
          const look = () => {
            if (!document.querySelector(".dv").__explorer.reporting) {
              requestAnimationFrame(look);
              return;
            }
            window.told_by_then = window.told.length;
            window.leave();
            done();
          };
          look();
        })"""
    )
    late.answer()


def test_the_replay_leaves_before_its_run_came(late):
    late.open("replay", **replay_data())
    late.wait(1)
    leave(late.page)
    late.answer(json=MANIFEST)
    assert late.waiting == []  # no snapshot was asked for


def test_the_replay_leaves_before_a_snapshot_came(late):
    late.open("replay", **replay_data())
    late.wait(1)
    late.answer(json=MANIFEST)
    late.wait(4)
    asked = late.asked
    leave(late.page)
    late.answer(body=gzip.decompress(packed("encoder.0")))
    assert late.asked == asked


def test_the_equations_leave_before_they_said_where_one_is(late):
    lesson = json.loads(lzma.decompress((RECORDINGS / "lessons.json.xz").read_bytes()))["encoder"]
    late.open("equations", lesson=lesson, step="", view_id="1", font="none.ttf", **look())
    late.page.locator(".wt-chip").last.click()
    leave(late.page)
    late.page.wait_for_timeout(500)
    late.answer()


def look():
    return {"palette": palette(4), "link": False}


def replay_data():
    picture = "data:image/jpeg;base64," + base64.b64encode(picture_jpeg()).decode()
    return look() | {"drawing": "sampling", "manifests": [f"{LATER}run"], "pictures": [picture]}
