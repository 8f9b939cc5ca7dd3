"""Lines over a training lie where their numbers belong: soft-logarithmic time, one scale up."""

import math
import re

import numpy as np
import pytest

from tests.drawing.oracle.compare import tally
from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser
SOFTENER, HEIGHT = 8, 160
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 10, 24
LINES = [
    {"name": "one", "colour": "#c02020", "points": [[0, 0.2], [10, 0.9], [300, 0.5], [5000, 1.4]]},
    {
        "name": "two",
        "colour": "#2020c0",
        "points": [[0, 1.1], [10, None], [300, 0.25], [5000, 0.7]],
        "dashed": True,
    },
]
DRAW = """([lines, now, width]) => {
  document.body.replaceChildren();
  window.hovered = [];
  const chart = new code.Chart((at) => window.hovered.push(at));
  chart.root.style.width = `${width}px`;
  document.body.style.margin = 0;
  document.body.append(chart.root);
  chart.show(lines, "label", now);
  return { html: chart.svg.outerHTML, left: chart.svg.getBoundingClientRect().left };
}"""


@pytest.fixture(scope="module")
def tab(browser):
    with modules(browser, "replay/chart", "replay/soft_log") as page:
        yield page


def soft(iteration):
    return math.log10(iteration + SOFTENER)


def place(iteration, value, width):
    """Where a number belongs: time from first to last, values from 0 where that costs little."""
    every = [v for line in LINES for _, v in line["points"] if v is not None]
    low, high = min(every), max(every)
    low = 0 if 0 <= low < 0.4 * high else low
    across = (soft(iteration) - soft(0)) / (soft(5000) - soft(0))
    up = (value - low) / (high - low)
    return [
        LEFT + across * (width - LEFT - RIGHT),
        TOP + (1 - up) * (HEIGHT - TOP - BOTTOM),
    ]


@pytest.mark.parametrize("width", [400, 733])
def test_every_point_lies_where_its_number_belongs_and_a_gap_stays_one(tab, width):
    html = tab.evaluate(DRAW, [LINES, 300, width])["html"]
    drawn = re.findall(r'<polyline points="([^"]+)" class="dr-line"([^>]*)>', html)
    pieces = [
        [[0, 0.2], [10, 0.9], [300, 0.5], [5000, 1.4]], [[0, 1.1]], [[300, 0.25], [5000, 0.7]]
    ]  # fmt: skip
    assert len(drawn) == len(pieces)
    for (points, look), piece in zip(drawn, pieces, strict=True):
        found = [[float(n) for n in pair.split(",")] for pair in points.split()]
        wanted = [place(*at, width) for at in piece]
        tally("lines", len(found), float(np.abs(np.subtract(found, wanted)).max()))
        np.testing.assert_allclose(found, wanted, atol=0.06)
        second = piece is not pieces[0]
        assert ("stroke-dasharray" in look) == second
        assert ("rgb(32, 32, 192)" if second else "rgb(192, 32, 32)") in look


def test_ticks_name_the_numbers_at_their_height_and_time(tab):
    html = tab.evaluate(DRAW, [LINES, 300, 733])["html"]
    for x, y, name in re.findall(
        r'<text x="([^"]+)" y="([^"]+)" class="dr-tick dr-tick-y">([^<]+)', html
    ):
        assert float(x) == LEFT - 6
        assert float(y) - 4 == pytest.approx(place(0, float(name), 733)[1], abs=0.02)
    times = re.findall(r'<text x="([^"]+)" y="152" class="dr-tick dr-tick-x">([^<]+)', html)
    assert len(times) > 3
    for x, name in times:
        wanted = place(int(name.replace(",", "")), 0, 733)[0]
        assert float(x) == pytest.approx(wanted, abs=0.02)


def test_the_cursor_stands_at_the_snapshot_on_show(tab):
    html = tab.evaluate(DRAW, [LINES, 300, 500])["html"]
    cursor = re.search(r'<line class="dr-cursor"[^>]*x1="([^"]+)" x2="([^"]+)"', html)
    assert float(cursor[1]) == float(cursor[2]) == pytest.approx(place(300, 0, 500)[0], abs=0.02)


def test_pointing_at_a_number_means_its_iteration(tab):
    left = tab.evaluate(DRAW, [LINES, 0, 600])["left"]
    for iteration in (0, 10, 300, 5000):
        tab.mouse.move(left + place(iteration, 0, 600)[0], 60)
        at = tab.evaluate("window.hovered.at(-1)")
        assert at == pytest.approx(iteration, rel=0.03, abs=1)


def test_time_has_its_inverse(tab):
    for iteration in (0, 1, 17, 2000, 40_000):
        shown = tab.evaluate("(at) => code.softLog(at)", iteration)
        assert shown == pytest.approx(soft(iteration))
        assert tab.evaluate("(at) => code.iterationAt(at)", shown) == pytest.approx(
            iteration, abs=1e-6, rel=1e-9
        )
