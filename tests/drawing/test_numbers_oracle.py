"""Readout, table, list of readers and the legend on the page tell the numbers of the trace."""

import re

import numpy as np
import pytest

from tests.drawing import record
from tests.drawing.oracle import numbers, signs
from tests.drawing.oracle.amounts import shares_of
from tests.drawing.oracle.compare import tally
from tests.drawing.oracle.sampling import Sampling
from tests.drawing.oracle.subject import BOXES, TALL, WIDE
from tests.drawing.test_grid_oracle import BARE
from tests.drawing.test_grid_oracle import TALL as TALL_GRID
from tests.drawing.test_grid_oracle import WIDE as GRID
from tests.drawing.test_painter import quarters
from tests.drawing.views import View

pytestmark = pytest.mark.browser
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
DIGITS = {"weight": 4, "offset": 2, "location": 4, "level_px": 2, "padded_px": 1, "original_px": 1}
READOUT = """() => {
  const root = document.querySelector(".dv-readout");
  const all = (name) => Array.from(root.querySelectorAll(name), (node) => node.textContent);
  const sign = root.querySelector(".dv-readout-sign [fill]:not([fill=none])");
  return { name: root.querySelector("strong").textContent, values: all("dd"),
           corners: all(".dv-corner"), why: all("header .dv-quiet")[0],
           fill: sign && sign.getAttribute("fill") };
}"""
TABLE = """() => Array.from(document.querySelectorAll(".dv-table tbody tr"),
  (row) => Array.from(row.cells, (cell) => cell.textContent.trim()))"""
LEGEND = """() => {
  const chips = (kind) => Array.from(
    document.querySelectorAll(`.dv-legend .dv-chips:nth-of-type(${kind}) .dv-chip`), (chip) => ({
      text: chip.textContent, on: chip.getAttribute("aria-pressed"),
      fill: chip.querySelector("[fill]").getAttribute("fill"),
      outline: chip.querySelector("svg").innerHTML,
    }));
  return { heads: chips(1), levels: chips(2),
    radii: Array.from(document.querySelectorAll(".dv-sizes circle"), (c) => +c.getAttribute("r")),
    scale: Array.from(document.querySelectorAll(".dv-scale .dv-bar"),
      (bar) => Array.from(bar.children, (part) => part.textContent)),
    colours: Array.from(document.querySelectorAll(".dv-scale svg [fill]"),
      (node) => node.getAttribute("fill")) };
}"""


@pytest.fixture
def opened(browser, monkeypatch):
    """Opens a view of a subject; returns its page, which is closed when the test ends."""
    pages = []

    def open_one(kind, subject, view):
        monkeypatch.setitem(record.HANDED, "oracle/one", subject.packed)
        monkeypatch.setitem(record.HANDED, "oracle", quarters(*subject.frame.original_hw))
        shown = record.opened(browser, View("", kind, "oracle/one", view, width_px=900))
        pages.append(shown)
        return shown.__enter__()

    yield open_one
    for shown in pages:
        shown.__exit__(None, None, None)


def told(text):
    return [float(number) for number in NUMBER.findall(text)]


def check_facts(texts, expected, tolerance, digits):
    """Texts of a readout's lines against what they should say, to the last digit shown."""
    for text, (name, wanted) in zip(texts, expected.items(), strict=True):
        if isinstance(wanted, str):
            assert text == wanted, name
        elif name == "cell":
            assert np.abs(np.array(told(text)) - wanted).max() == 0, (name, text, wanted)
        else:
            near = 0.5001 * 10.0 ** -digits[name] + tolerance.get(name, 0)
            px = name.removesuffix("_px") == "original"
            away = np.abs(np.subtract(told(text), wanted)).max() if px else 0.0
            tally("readout and table", 1, float(away))
            assert told(text) == pytest.approx(wanted, abs=near), (name, text, wanted)


def steps(subject, level):
    """How far packing may have moved each number of a sample on a level."""
    xy = subject.location_step
    height, width = subject.shapes[level]
    padded = np.array(subject.frame.padded_hw[::-1])
    scale = np.array(subject.frame.original_hw[::-1]) / subject.frame.resized_hw[::-1]
    level_px = float((xy * [width, height]).max())
    return {
        "weight": subject.weight_step, "location": float(xy.max()), "offset": level_px,
        "level_px": level_px, "padded_px": float((xy * padded).max()),
        "original_px": float((xy * padded * scale).max()),
    }  # fmt: skip


@pytest.mark.parametrize("subject", [TALL, WIDE, BOXES], ids=lambda subject: subject.name)
def test_the_readout_tells_the_heaviest_point_and_any_that_is_pointed_at(opened, subject):
    query = 3
    _, heads, levels, _ = subject.weights.shape
    every = numbers.shown(subject, query, range(heads), range(levels))
    page = opened("sampling", subject, {"query": query, "pinned": True})
    page.locator(".dv-table summary").click()
    for focus in (None, len(every) // 2, len(every) - 1):
        at = every[focus or 0]
        if focus:
            page.locator(".dv-table tbody tr").nth(focus).dispatch_event("pointerenter")
        record.wait_until_quiet(page)
        found = page.evaluate(READOUT)
        assert found["name"] == "h{} · level {} · point {}".format(*at)
        assert found["why"] == ("" if focus else "strongest")
        assert found["fill"] == signs.head_fill(at[0])
        expected = numbers.of_sample(subject, query, at)
        check_facts(found["values"], expected, steps(subject, at[1]), DIGITS)
        for text, (row, column, share, inside) in zip(
            found["corners"], numbers.corners(subject, query, at), strict=True
        ):
            assert text.startswith(f"({row}, {column})") == inside, (at, text)
            assert told(text)[-1] == pytest.approx(share, abs=0.0051)


@pytest.mark.parametrize("subject", [TALL, BOXES], ids=lambda subject: subject.name)
def test_the_table_holds_every_shown_point_with_its_numbers(opened, subject):
    query, heads = 4, [0, 2]
    page = opened("sampling", subject, {"query": query, "pinned": True, "heads": heads})
    page.locator(".dv-table summary").click()
    record.wait_until_quiet(page)
    rows = page.evaluate(TABLE)
    order = numbers.shown(subject, query, heads, range(len(subject.shapes)))
    assert len(rows) == len(order)
    weights = [float(row[3]) for row in rows]
    assert weights == sorted(weights, reverse=True)
    by_name = {tuple(int(part) for part in row[:3]): row[3:] for row in rows}
    for at in order:
        expected = numbers.of_sample(subject, query, at)
        step, row = steps(subject, at[1]), by_name[at]
        pairs = [row[0], ", ".join(row[1:3]), ", ".join(row[3:5]), ", ".join(row[5:7])]
        named = {n: expected[n] for n in ("weight", "location", "original_px", "offset")}
        check_facts(pairs, named, step, DIGITS)
        assert numbers.PLACES[row[7]] == expected["place"]


def test_the_legend_shows_the_colours_shapes_and_sizes_of_the_marks(opened):
    view = {"query": 4, "pinned": True, "heads": [0, 2], "colour": "weight"}
    page = opened("sampling", TALL, view)
    found = page.evaluate(LEGEND)
    size = page.locator(".dv-stage").first.bounding_box()
    assert [(chip["text"], chip["fill"], chip["on"]) for chip in found["heads"]] == [
        (f"h{head}", signs.head_fill(head), str(head in view["heads"]).lower()) for head in range(3)
    ]
    assert [chip["text"] for chip in found["levels"]] == [
        f"level {level} · {height}×{width}" for level, (height, width) in enumerate(TALL.shapes)
    ]
    assert len({chip["outline"] for chip in found["levels"]}) == 4
    wanted = [signs.radius_of(weight, size["width"], size["height"]) for weight in (0.02, 0.1, 0.3)]
    assert found["radii"] == pytest.approx(wanted, abs=0.011)
    tally("legend", 3 + len(found["heads"]) + len(found["levels"]), float(
        np.abs(np.subtract(found["radii"], wanted)).max()))  # fmt: skip
    (scale,) = found["scale"]
    heaviest = TALL.weights[4, [0, 2]].max()
    assert float(scale[-1]) == pytest.approx(heaviest, abs=0.00051)


def test_the_legend_names_the_colours_of_levels_and_places(opened):
    page = opened("sampling", TALL, {"query": 4, "pinned": True, "colour": "level"})
    found = page.evaluate(LEGEND)
    shown = range(len(TALL.shapes))  # of the palette of five that every canvas is given
    assert found["colours"] == [signs.level_fill(level, 5) for level in shown]
    page = opened("sampling", TALL, {"query": 4, "pinned": True, "colour": "outside"})
    found = page.evaluate(LEGEND)
    assert found["colours"] == [signs.PLACES[name] for name in ("picture", "padding", "outside")]


@pytest.mark.parametrize("heads", [[0, 1, 2], [1]])
def test_the_legend_of_the_mass_says_where_the_scale_ends_and_what_falls_on_the_map(opened, heads):
    view = {"query": 4, "pinned": True, "mass": True, "level": 1, "heads": heads}
    page = opened("sampling", TALL, view)
    page.wait_for_timeout(record.SETTLED_MS)
    (scale,) = page.evaluate(LEGEND)["scale"]
    shares, _ = shares_of(Sampling(TALL, view), 1)
    grid, total = np.sort(shares.sum(0).ravel()), TALL.weights[:, heads, 1].sum()
    ceiling = grid[int((len(grid) - 1) * 0.995)]
    title, _, _, high, note = scale
    (high,), (share, whole) = told(high), told(note)
    assert high == pytest.approx(ceiling, rel=0.006)
    assert share == pytest.approx(100 * grid.sum() / total, abs=0.06)
    assert whole == pytest.approx(total, abs=0.51)
    assert ("all heads" in title) == (len(heads) == 3)
    assert f"level 1, all {len(TALL.cells)} queries" in title


@pytest.mark.parametrize("subject", [TALL, BOXES], ids=lambda subject: subject.name)
def test_the_list_of_readers_tells_who_reads_the_cell_and_how_much(opened, subject):
    view = {"query": 2, "pinned": True, "reverse": True, "lookup": [0.3, 0.4], "level": 0}
    page = opened("sampling", subject, view)
    listed = page.evaluate(
        "() => Array.from(document.querySelectorAll('.dv-lookup li'), (li) => [li.textContent,"
        " li.querySelector('.dv-number').textContent])"
    )
    height, width = subject.shapes[0]
    shares, _ = shares_of(Sampling(subject, view), 0)
    amounts = shares[:, int(0.4 * height), int(0.3 * width)]
    order = [int(query) for query in np.argsort(-amounts)[:9] if amounts[query] > 1e-3]
    assert len(listed) >= len(order) > 2
    for query, (text, number) in zip(order, listed, strict=False):
        assert float(number) == pytest.approx(amounts[query], abs=0.0011)
        name = f"query {query}"
        if subject.is_encoder:
            name = "level {} · row {}, column {}".format(*subject.cells[query])
        assert name in text, (text, name)


@pytest.mark.parametrize("subject", [GRID, TALL_GRID, BARE], ids=lambda subject: subject.name)
def test_the_readout_of_a_knot_tells_its_numbers(opened, subject):
    query, heads, wide = 5, [0, 4], subject.record.grid_hw[1]
    digits = {"weight": 4, "mean": 4, "bias": 3, "offset": 2, "displacement": 3, "original": 1}
    page = opened("grid", subject, {"query": query, "pinned": True, "heads": heads})
    weights = subject.weights[heads, query]
    for flat in np.argsort(-weights, axis=None)[:4]:  # each press goes to the next heaviest
        head, knot = heads[flat // weights.shape[1]], int(flat % weights.shape[1])
        record.do(page, "press", ".")
        record.wait_until_quiet(page)
        found = page.evaluate(READOUT)
        row, column = divmod(knot, wide)
        group = subject.group_of(head)
        assert found["name"] == f"h{head} · grid {group} · knot ({row}, {column})"
        assert found["fill"] == signs.head_fill(head)
        expected = numbers.of_knot(subject, query, head, knot)
        values = dict(zip(digits, found["values"], strict=False))
        if not expected["bias"]:
            assert values.pop("bias") == "none"
            del expected["bias"]
        near = {"weight": subject.weight_step, "mean": subject.weight_step, "bias": 1e-3}
        check_facts(list(values.values()), expected, {**near, "original": 1e-3}, digits)


def test_without_a_focus_the_readout_of_a_grid_tells_the_heaviest_knot(opened):
    query, heads = 9, [1, 3]
    page = opened("grid", GRID, {"query": query, "pinned": True, "heads": heads})
    found = page.evaluate(READOUT)
    head, knot = max(
        ((head, knot) for head in heads for knot in range(GRID.weights.shape[2])),
        key=lambda at: GRID.weights[at[0], query, at[1]],
    )
    row, column = divmod(knot, GRID.record.grid_hw[1])
    assert found["name"].startswith(f"h{head} ") and f"({row}, {column})" in found["name"]
    assert found["why"] == "heaviest"
