"""The painter paints its list of marks and nothing else; and real pixels show what was painted."""

import base64
import io
import math
import re

import numpy as np
import pytest
from PIL import Image

from tests.drawing import record
from tests.drawing.engine import engine
from tests.drawing.oracle import signs
from tests.drawing.oracle.painter import painted
from tests.drawing.oracle.subject import BOXES, TALL
from tests.drawing.test_recordings import same_line
from tests.drawing.views import View

pytestmark = pytest.mark.browser

SAMPLING = {
    "traces/balloons-tall/encoder.1": [
        {"query": 500, "pinned": True},
        {"query": 40, "pinned": True, "colour": "weight", "mass": True, "level": 2},
        {"query": 7, "pinned": True, "zoom": 4, "centre": [0.1, 0.2], "top": 9},
        {"query": 7, "pinned": True, "reverse": True, "lookup": [0.4, 0.6]},
    ],
    "synthetic/decoder.1": [{"query": 3, "pinned": True, "padding": True, "all": True, "dim": 0.5}],
}
GRID = {
    "grids/single-cat/stages.2.attns.0": [
        {"query": 20, "pinned": True, "surface": True, "split": True, "slide": 0.6},
        {"query": 3, "pinned": True, "object": True, "heads": [0, 3], "importance": True},
    ]
}
KEYS = {"keys/garden/key-sets": [{"query": 20, "pinned": True}]}
CASES = [
    pytest.param(kind, asset, view, id=f"{kind} {number}")
    for kind, assets in (("sampling", SAMPLING), ("grid", GRID), ("keys", KEYS))
    for number, (asset, view) in enumerate(
        (asset, view) for asset, views in assets.items() for view in views
    )
]


def size_of(page):
    box = page.locator(".dv-stage").first.bounding_box()
    return box["width"], box["height"]


@pytest.mark.parametrize(("kind", "asset", "view"), CASES)
def test_what_is_painted_is_the_list_of_marks(browser, kind, asset, view):
    ratio = 2 if view.get("mass") else 1  # a sharp screen
    drawing = engine(kind)
    layer = drawing.decode(record.packed(asset))
    with record.opened(browser, View("", kind, asset, view, pixel_ratio=ratio)) as page:
        page.wait_for_timeout(record.SETTLED_MS)
        size, drawn = size_of(page), record.read_drawn(page)
    marks = drawing.ask(
        "marks",
        layer=layer,
        view=view,
        query=view["query"],
        picture={},
        width=size[0],
        height=size[1],
    )
    for surface, listed in marks.items():
        ink = re.compile(r"(canvas:\d+x\d+):\w+|(image):\w+")
        calls = [ink.sub(r"\1\2", call) for call in drawn[surface].splitlines()]
        expected = painted(listed, size, ratio)
        assert len(calls) == len(expected), surface
        for at, (call, wanted) in enumerate(zip(calls, expected, strict=True)):
            assert same_line(call, wanted), f"{surface}, call {at}: {call!r}, expected {wanted!r}"


# -- pixels --------------------------------------------------------------------------------------


QUARTERS = {(0, 0): "#c02020", (0, 1): "#20c020", (1, 0): "#2020c0", (1, 1): "#c0c020"}


def quarters(height, width):
    """A picture of four colours, so that a mirrored or shifted one looks different."""
    picture = np.zeros((height, width, 3), np.uint8)
    for (row, column), colour in QUARTERS.items():
        rows = slice(row * height // 2, (row + 1) * height // 2)
        columns = slice(column * width // 2, (column + 1) * width // 2)
        picture[rows, columns] = signs.channels(colour)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


PNG_OF = """(name) =>
  document.querySelector(`.dv-canvas-${name}`).toDataURL("image/png").split(",")[1]"""


@pytest.fixture
def shown(browser, monkeypatch):
    """Opens a view of a subject and hands out its canvases as arrays [row column rgba]."""

    def show(subject, view, asset="oracle/one"):
        monkeypatch.setitem(record.HANDED, asset, subject.packed)
        monkeypatch.setitem(record.HANDED, "oracle", quarters(*subject.frame.original_hw))
        width = round(subject.width)
        with record.opened(browser, View("", "sampling", asset, view, width_px=width)) as page:
            page.wait_for_timeout(record.SETTLED_MS)
            size = size_of(page)
            shots = {name: page.evaluate(PNG_OF, name) for name in ("photo", "field", "marks")}
        arrays = {
            name: np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
            for name, png in shots.items()
        }
        return arrays, size

    return show


def coloured(array, colour, tolerance=3):
    """Where an array [.. rgba] has a colour and is opaque."""
    away = np.abs(array[..., :3].astype(int) - signs.channels(colour)).max(-1)
    return (away <= tolerance) & (array[..., 3] > 250)


def test_the_photo_lies_upright_and_where_the_padding_ends(shown):
    arrays, (width, height) = shown(TALL, {"query": 3, "pinned": True, "dim": 0, "padding": True})
    extent = TALL.window({"padding": False}).extent_xy
    for (row, column), colour in QUARTERS.items():
        x, y = (np.array([column, row]) / 2 + 0.25) * extent * [width, height]
        assert coloured(arrays["photo"][int(y), int(x)], colour, 40), (row, column)
    beyond = arrays["photo"][int(0.5 * height), int((extent[0] + 0.5 * (1 - extent[0])) * width)]
    assert not any(coloured(beyond, colour, 40) for colour in QUARTERS.values())


def heaviest_in_sight(subject, level):
    """Query, head and weight of a level's heaviest sample that lies well inside the map."""
    best = (0, 0, 0.0)
    for query, weights in enumerate(subject.weights[:, :, level]):
        head, point = np.unravel_index(weights.argmax(), weights.shape)
        place = subject.locations[query, head, level, point]
        if (place > 0.2).all() and (place < 0.8).all() and weights.max() > best[2]:
            best = query, int(head), float(weights.max())
    return best


@pytest.mark.parametrize("level", [0, 3])
def test_a_marker_covers_an_area_proportional_to_its_weight(shown, level):
    """On each level another shape; the number on it and its edge are counted with it."""
    query, head, weight = heaviest_in_sight(TALL, level)
    view = {"query": query, "pinned": True, "levels": [level], "top": 1, "lines": False}
    arrays, size = shown(TALL, {**view, "padding": True})
    found = coloured(arrays["marks"], signs.head_fill(head), 12)
    radius = signs.radius_of(weight, *size)
    inside = math.pi * (radius - 0.5) ** 2  # half of the edge's pixel lies on either side
    letters = 0.2 * inside if radius >= 7 else 0
    assert inside - letters - 8 * radius < found.sum() < inside + 4 * radius


def test_the_hottest_cell_of_the_mass_map_is_the_brightest(shown):
    view = {"query": 3, "pinned": True, "mass": True, "level": 0, "padding": True}
    arrays, size = shown(TALL, view)
    drawing = engine("sampling")
    marks = drawing.ask(
        "marks",
        layer=drawing.decode(TALL.packed),
        view=view,
        query=3,
        width=size[0],
        height=size[1],
    )
    (cells,) = marks["field"]
    grid = np.array(cells["values"]).reshape(cells["rows"], cells["columns"])
    for at in (
        np.unravel_index(grid.argmax(), grid.shape),
        np.unravel_index(grid.argmin(), grid.shape),
    ):
        row, column = at
        x = (column + 0.5) / cells["columns"] * cells["width"] + cells["x"]
        y = (row + 0.5) / cells["rows"] * cells["height"] + cells["y"]
        pixel = arrays["field"][int(y), int(x)].astype(int)
        share = grid[at] / cells["high"]
        assert np.abs(pixel[:3] - signs.channels(signs.amount_fill(share))).max() <= 3
        assert pixel[3] == pytest.approx(0.6 * 255, abs=1)


def test_a_line_ends_at_its_sample_and_starts_at_its_own_reference(shown):
    level = 1
    query, head, _ = heaviest_in_sight(TALL, level)
    point = int(TALL.weights[query, head, level].argmax())
    view = {"query": query, "pinned": True, "padding": True, "top": 1, "levels": [level]}
    with_line, size = shown(TALL, {**view, "lines": True})
    without, _ = shown(TALL, {**view, "lines": False})
    window = TALL.window(view)
    scale = np.array(size) / [window.width, window.height]
    start = window.place(TALL.references[query, level, :2]) * scale
    end = window.place(TALL.locations[query][head, level, point]) * scale
    differ = (with_line["marks"] != without["marks"]).any(-1)
    assert differ.any()
    rows, columns = np.nonzero(differ)
    along = (end - start) / np.linalg.norm(end - start)
    away = np.stack([columns + 0.5, rows + 0.5], -1) - start
    assert np.abs(away @ np.array([-along[1], along[0]])).max() < 2  # on the line, nowhere else
    assert (away @ along).max() < np.linalg.norm(end - start) + 2
    assert (away @ along).min() > -2


def test_a_reference_box_is_dashed_and_as_large_as_the_reference(shown):
    view = {"query": 2, "pinned": True, "padding": True, "top": 1, "lines": False, "heads": []}
    arrays, size = shown(BOXES, view)
    window = BOXES.window(view)
    cx, cy, width, height = BOXES.references[2, 0]
    left, top = window.place([cx - width / 2, cy - height / 2])
    right = window.place([cx + width / 2, cy])[0]
    edge = arrays["marks"][round(top) - 1 : round(top) + 2, round(left) + 3 : round(right) - 3]
    dashes = (edge[..., 3] > 200).any(0)
    assert 0.4 < dashes.mean() < 0.8  # 6 of 10 pixels
    assert np.abs(np.diff(dashes.astype(int))).sum() >= 2 * (right - left) / 10 - 4
