"""What lies in a saved file: SVG, PNG, page and table against marks and numbers of the oracle."""

import base64
import csv
import gzip
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from deformviz import bundles
from deformviz.figures.svg import svg_document
from deformviz.figures.theme import palette
from tests.drawing import record
from tests.drawing.engine import engine
from tests.drawing.oracle import files, numbers, signs
from tests.drawing.oracle.compare import tally
from tests.drawing.oracle.subject import BOXES, TALL
from tests.drawing.test_grid_oracle import WIDE as GRID
from tests.drawing.test_painter import QUARTERS, quarters
from tests.drawing.views import View

pytestmark = pytest.mark.browser
SUBJECTS = {"sampling": (TALL, BOXES), "grid": (GRID,)}
VIEWS = {
    "sampling": {"query": 4, "pinned": True, "mass": True, "level": 0, "colour": "weight"},
    "grid": {"query": 7, "pinned": True, "heads": [1, 4], "surface": True, "split": True},
}
CASES = [(kind, subject) for kind, subjects in SUBJECTS.items() for subject in subjects]
NAMES = [f"{kind}, {subject.name}" for kind, subject in CASES]


def as_address(text):
    return "data:text/plain;base64," + base64.b64encode(text.encode()).decode()


@pytest.fixture
def saved(browser, monkeypatch):
    """Takes a file along from a view of a subject: its bytes."""
    given = record.given

    def with_source(view):
        names = {"script": f"{view.kind}.js", "style": f"{view.kind}.css", "template": None}
        source = {
            name: as_address(bundles.read(file or bundles.TEMPLATE)) for name, file in names.items()
        }
        return given(view) | {"source": source}

    def save(kind, subject, view, button):
        monkeypatch.setattr(record, "given", with_source)
        monkeypatch.setitem(record.HANDED, "oracle/one", subject.packed)
        monkeypatch.setitem(record.HANDED, "oracle", quarters(*subject.frame.original_hw))
        with record.opened(browser, View("", kind, "oracle/one", view)) as page:
            page.wait_for_timeout(record.SETTLED_MS)
            page.locator(".dv-menu summary").click()
            with page.expect_download() as caught:
                page.get_by_role("button", name=button).click()
            return caught.value.path().read_bytes()

    return save


def figure_of(kind, subject, view):
    """The figure's marks, which other tests hold against the trace."""
    drawing = engine(kind)
    layer = f"layers[{drawing.decode(subject.packed)}]"
    state = json.dumps({"view": view, "query": view["query"], "palette": palette(5), "picture": {}})
    facts = json.dumps({"title": "Recorded", "note": ""})
    return drawing.evaluate(f"deformviz.figure({{...{state}, layer: {layer}}}, {facts})")


def turned(corners):
    """A polygon's numbers, begun with each of its corners."""
    return [corners[at:] + corners[:at] for at in range(0, len(corners), 2)]


def hold_svg(text, figure):
    """Every node of a document, in order, against the marks of a figure; returns its pictures."""
    title, found, pictures = files.read(text)
    assert title == figure["title"]
    wanted = [node for mark in figure["marks"] for node in files.expected(mark)]
    assert [name for name, _, _ in found] == [name for name, _, _ in wanted]
    furthest = 0.0
    for (name, place, look), (_, ours, theirs) in zip(found, wanted, strict=True):
        begun = [place] if name != "polygon" else turned(place)  # with whichever corner
        furthest = max(furthest, min(np.abs(np.subtract(each, ours)).max() for each in begun))
        assert any(each == pytest.approx(ours, abs=0.0051) for each in begun), (name, place, ours)
        assert set(look) == set(theirs), (name, look, theirs)
        for each, value in theirs.items():
            same = value if isinstance(value, str) else pytest.approx(value, abs=0.0051)
            assert look[each] == same, (name, each, look[each], value)
    tally("svg", len(found), furthest)
    return pictures


@pytest.mark.parametrize(("kind", "subject"), CASES, ids=NAMES)
def test_an_svg_holds_every_mark_of_the_figure_as_a_shape(saved, kind, subject):
    view, figure = VIEWS[kind], figure_of(kind, subject, VIEWS[kind])
    text = saved(kind, subject, view, "SVG picture").decode()
    kinds = [mark for mark in figure["marks"] if mark["kind"] in ("image", "cells")]
    pictures = hold_svg(text, figure)
    assert len(pictures) == len(kinds) > 1
    for element, mark in zip(pictures, kinds, strict=True):
        shown = files.picture_in(element.attrib["href"])
        if mark["kind"] == "cells":
            assert np.abs(shown.astype(int) - files.amounts(mark)).max() <= 1
        else:
            assert_upright(shown)


def test_python_writes_the_same_shapes():
    for kind, subject in CASES:
        figure = figure_of(kind, subject, VIEWS[kind])
        jpeg = io.BytesIO()
        Image.open(io.BytesIO(quarters(*subject.frame.original_hw))).save(jpeg, "JPEG")
        hold_svg(svg_document(figure, jpeg.getvalue()), figure)


def assert_upright(picture):
    height, width = picture.shape[:2]
    for (row, column), colour in QUARTERS.items():
        pixel = picture[int((row / 2 + 0.25) * height), int((column / 2 + 0.25) * width)]
        assert np.abs(pixel.astype(int) - signs.channels(colour)).max() < 40, (row, column, pixel)


@pytest.mark.parametrize("subject", [TALL, BOXES], ids=lambda subject: subject.name)
def test_a_png_shows_the_picture_and_its_marks_where_the_figure_has_them(saved, subject):
    view = {"query": 4, "pinned": True, "dim": 0, "lines": False, "top": 3}
    figure = figure_of("sampling", subject, view)
    data = saved("sampling", subject, view, "PNG picture")
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert picture.shape[:2] == (round(2 * figure["height"]), round(2 * figure["width"]))
    photo = next(mark for mark in figure["marks"] if mark["kind"] == "image")
    for (row, column), colour in QUARTERS.items():
        # Close to the picture's corners, where nothing else is drawn.
        x, y = (photo[at] + photo[size] * (0.02 + 0.96 * far) for at, size, far in (
            ("x", "width", column), ("y", "height", row)))  # fmt: skip
        pixel = picture[int(2 * y), int(2 * x)]
        assert np.abs(pixel - signs.channels(colour)).max() < 60, (row, column, pixel)
    for mark in figure["marks"]:
        inside = mark.get("layer") in ("samples", "legend") and mark["kind"] == "marker"
        if inside and mark["size"] >= 6 and mark.get("fillAlpha", 1) == 1:
            x, y = mark["x"], mark["y"] + 0.62 * mark["size"]  # below the number
            if any(over(other, x, y) for other in figure["marks"] if other is not mark):
                continue
            pixel = picture[int(2 * y), int(2 * x)]
            tally("png probes", 1, 0.0)
            assert np.abs(pixel - signs.channels(mark["fill"])).max() < 16, (mark, pixel)


def over(mark, x, y):
    """Whether a marker or a number may cover a place."""
    if mark["kind"] not in ("marker", "text") or mark.get("layer") == "legend":
        return False
    reach = mark["size"] * (1.3 if mark["kind"] == "marker" else 0.1)
    return abs(mark["x"] - x) < reach and abs(mark["y"] - y) < reach


@pytest.mark.parametrize(("kind", "subject"), CASES, ids=NAMES)
def test_a_saved_page_carries_the_packed_layer_the_view_and_the_picture(saved, kind, subject):
    view = VIEWS[kind]
    html = saved(kind, subject, view, "Offline HTML of this layer").decode()
    inside = {
        name: re.search(rf'<script type="[^"]+" id="dv-{name}">(.*?)</script>', html, re.S)[1]
        for name in ("trace", "data")
    }
    assert gzip.decompress(base64.b64decode(inside["trace"])) == subject.packed
    data = json.loads(inside["data"])
    for name, value in view.items():
        assert data["view"][name] == value, name
    assert data["title"] == "Recorded" and data["palette"] == palette(5)
    tally("html", 1, 0.0)  # byte for byte
    shown = files.picture_in(data["picture_url"])
    assert shown.shape[:2] == subject.frame.original_hw
    assert_upright(shown)


@pytest.mark.parametrize("subject", [TALL, BOXES], ids=lambda subject: subject.name)
def test_a_table_of_points_holds_the_numbers_of_every_point(saved, subject):
    query, heads = 2, [0, 2]
    view = {"query": query, "pinned": True, "heads": heads}
    text = saved("sampling", subject, view, "CSV of the points").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    order = numbers.shown(subject, query, heads, range(len(subject.shapes)))
    assert len(rows) == len(order)
    near = {"weight": subject.weight_step, "location": float(subject.location_step.max())}
    columns = {
        "weight": ["weight"], "location": ["x", "y"], "original_px": ["x px", "y px"],
        "offset": ["Δx", "Δy"],
    }  # fmt: skip
    for row in rows:
        at = int(row["head"]), int(row["level"]), int(row["point"])
        told = numbers.of_sample(subject, query, at)
        tally("csv", 1, abs(float(row["x px"]) - told["original_px"][0]))
        assert row["query"] == str(query) and numbers.PLACES[row["where"]] == told["place"]
        for name, titles in columns.items():
            given = [float(row[title]) for title in titles]
            assert given == pytest.approx(told[name], abs=near.get(name, 0.01) + 1e-6), (at, name)
    weights = [float(row["weight"]) for row in rows]
    assert weights == sorted(weights, reverse=True)
    assert {(int(r["head"]), int(r["level"]), int(r["point"])) for r in rows} == set(order)
