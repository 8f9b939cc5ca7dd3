"""The picture of the equations in Chromium: sizes of samples, cells under the pointer."""

import lzma
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from deformviz.figures.theme import palette
from tests.app.canvas.canvas_page import load_canvas, settle
from tests.drawing.record import RECORDINGS

pytestmark = pytest.mark.browser
NAMED = re.compile(r"head (\d+), level (\d+), point (\d+): weight (\S+)")
LEAST_PX = 1.3  # radius of what weighs next to nothing


@pytest.fixture(scope="module")
def lessons():
    import json

    return json.loads(lzma.decompress((RECORDINGS / "lessons.json.xz").read_bytes()))


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    load_canvas(page, "equations", ("kit/marks",))
    yield page
    context.close()
    assert errors == []


def show(page, lesson):
    data = {"lesson": lesson, "step": "", "view_id": "1", "palette": palette(4), "font": "none.ttf"}
    page.evaluate("(data) => window.show(data)", data)
    page.locator(".wt-sample").first.wait_for(state="attached")
    settle(page)


def radii_px(page):
    """(weight, radius on the screen) of every sample: that of the disc of the same area."""
    drawn = page.locator(".wt-sample").evaluate_all(
        """(nodes) => nodes.map((node) => {
          const shape = node.firstElementChild;
          const scale = node.ownerSVGElement.getScreenCTM().a;
          if (shape.tagName === "circle")
            return [node.textContent, scale * Number(shape.getAttribute("r"))];
          const corners = shape.getAttribute("points").split(" ")
            .map((pair) => pair.split(",").map(Number));
          const area = corners.reduce((sum, [x, y], at) => {
            const [nextX, nextY] = corners[(at + 1) % corners.length];
            return sum + x * nextY - y * nextX;
          }, 0) / 2;
          return [node.textContent, scale * Math.sqrt(Math.abs(area) / Math.PI)];
        })"""
    )
    return np.array([[float(NAMED.match(text)[4]), radius] for text, radius in drawn])


def scene_px(page):
    """Width and height of what the picture shows, on the screen."""
    return page.locator(".wt-svg").evaluate(
        """(svg) => { const {a} = svg.getScreenCTM(), {width, height} = svg.viewBox.baseVal;
        return {width: a * width, height: a * height}; }"""
    )


@pytest.mark.parametrize("name", ["encoder", "decoder", "toy", "dat"])
def test_a_weight_has_the_area_it_has_on_every_other_picture(tab, lessons, name):
    show(tab, lessons[name])
    drawn = radii_px(tab)
    expected = tab.evaluate(
        "([scene, weights]) => weights.map((weight) => code.weightRadius(scene, weight))",
        [scene_px(tab), lessons[name]["pictures"][0]["weights"]],
    )
    assert drawn[:, 1] == pytest.approx(expected, rel=0.03, abs=0.05)
    heavy = drawn[drawn[:, 1] > 2 * LEAST_PX]
    assert len(heavy) > 1
    shares = heavy[:, 1] ** 2 / heavy[:, 0]
    assert shares / shares.mean() == pytest.approx(1, abs=0.08)


def test_samples_keep_their_size_from_close(tab, lessons):
    show(tab, lessons["encoder"])
    before = radii_px(tab)[:, 1]
    tab.get_by_role("button", name="Its four pixels").click()
    settle(tab)
    assert radii_px(tab)[:, 1] == pytest.approx(before, rel=0.4)  # the room has another shape
    tab.get_by_role("button", name="All samples").click()
    settle(tab)
    assert radii_px(tab)[:, 1] == pytest.approx(before, rel=0.03)


def test_samples_lie_where_the_lesson_says(tab, lessons):
    show(tab, lessons["decoder"])
    placed = tab.locator(".wt-sample").evaluate_all(
        "(nodes) => nodes.map((node) => node.getAttribute('transform').match(/[-.\\d]+/g))"
    )
    expected = np.reshape(lessons["decoder"]["pictures"][0]["locations"], (-1, 2))
    assert np.array(placed, float) == pytest.approx(expected, abs=0.01)


def test_pointing_at_a_place_marks_its_cell_and_a_click_lets_it_ask(tab, lessons):
    show(tab, lessons["encoder"])
    picture = lessons["encoder"]["pictures"][0]
    height, width = picture["cells_hw"][0]
    scale_x, shift_x, scale_y, shift_y = picture["affine"]
    row, column = 3, 17
    at = tab.locator(".wt-svg").evaluate(
        """(svg, [x, y]) => { const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
        return [at.x, at.y]; }""",
        [(column + 0.5) / width * scale_x + shift_x, (row + 0.5) / height * scale_y + shift_y],
    )
    tab.mouse.move(*at)
    cell = tab.locator(".wt-aim")
    expect(cell).to_have_count(1)
    assert float(cell.get_attribute("x")) == pytest.approx(column / width * scale_x, abs=0.01)
    assert float(cell.get_attribute("y")) == pytest.approx(row / height * scale_y, abs=0.01)
    assert float(cell.get_attribute("width")) == pytest.approx(scale_x / width, abs=0.01)
    tab.mouse.click(*at)
    told = [value for name, value in tab.evaluate("window.told") if name == "query"]
    assert told[-1]["query"] == row * width + column
    tab.mouse.move(2, 2)
    expect(cell).to_have_count(0)


@pytest.mark.parametrize(
    ("apart", "drawn"), [("1.2e-07", True), ("1.0e-02", False), ("nan", False)]
)
def test_a_picture_that_is_not_that_of_the_lines_is_not_drawn(tab, lessons, apart, drawn):
    lesson = {**lessons["encoder"], "drawn_apart": apart}
    data = {"lesson": lesson, "step": "", "view_id": "1", "palette": palette(4), "font": "none.ttf"}
    tab.evaluate("(data) => window.show(data)", data)
    badge = tab.locator(".wt-badge")
    expect(badge).to_contain_text("equals the module" if drawn else f"these lines: {apart}")
    assert ("wt-wrong" in badge.get_attribute("class")) != drawn
    assert (tab.locator(".wt-svg").count() > 0) == drawn


@pytest.mark.parametrize("compare", [False, True])
def test_a_red_badge_never_says_that_it_equals(tab, lessons, compare):
    seen = {}
    for holds in (True, False):
        for difference in ("0.0e+00", "9.0e+01"):
            told = {"holds": holds, "difference": difference, "compare": compare}
            show(tab, {**lessons["encoder"], **told})
            badge = tab.locator(".wt-badge")
            seen[badge.inner_text()] = "wt-bad" in badge.get_attribute("class").split()
    whose = "the broken module" if compare else "the module"
    assert {text: red for text, red in seen.items() if text.startswith("equals")} == {
        f"equals {whose}: 0.0e+00 (float32)": False
    }
    assert sum(seen.values()) == len(seen) - 1
    assert any("a line fails its check" in text for text in seen)


def lit(page):
    """(head, level, point) of every sample that stands out."""
    titles = page.locator(".wt-sample.wt-lit title").all_text_contents()
    return {tuple(map(int, NAMED.match(title).groups()[:3])) for title in titles}


def test_an_index_lights_a_colour_a_shape_or_a_point(tab, lessons):
    lesson = {**lessons["encoder"], "sample": [2, 1, 3], "opens": "sampling_locations"}
    show(tab, lesson)
    expect(tab.locator(".wt-chip[aria-current]")).to_have_attribute(
        "data-term", "sampling_locations"
    )
    heads, levels, points = lesson["sizes"]
    every = set(np.ndindex(heads, levels, points))
    equation = tab.locator(".wt-equation")
    for axis, (letter, name) in enumerate((("m", "head"), ("l", "level"), ("k", "point"))):
        index = equation.locator(f".index[data-index={name}]").first
        expect(index).to_have_text(letter)
        index.hover()
        chosen = lesson["sample"][axis]
        assert lit(tab) == {one for one in every if one[axis] == chosen}
        expect(tab.locator(f".wt-index[data-index={name}]")).to_have_class(re.compile("wt-lit"))
    expect(tab.locator(".wt-indices")).to_contain_text("head 2: a colour")
    tab.mouse.move(2, 2)
    expect(tab.locator(".wt-index.wt-lit")).to_have_count(0)


def test_code_is_never_cut(tab, lessons):
    lesson = lessons["decoder"]
    long = "    return " + " + ".join(f"a_name_that_takes_room_{i}" for i in range(9))
    steps = [{**step, "code": [*step["code"], *[long] * 40]} for step in lesson["steps"]]
    show(tab, {**lesson, "steps": steps})
    tab.locator(".wt-code").first.wait_for()
    cut = tab.locator(".wt-code").first.evaluate(
        """(pre) => [pre.scrollWidth - pre.clientWidth, pre.scrollHeight - pre.clientHeight]"""
    )
    assert max(cut) <= 1


def test_a_dragged_point_leaves_the_picture_as_large_as_it_was(tab, lessons):
    lesson = lessons["decoder"]
    show(tab, lesson)
    before = tab.locator(".wt-svg").first.bounding_box()
    (picture,), (answer, *_) = lesson["pictures"][:1], lesson["answers"]
    sights = [{**picture, "title": title} for title in ("Changed", "As it was")]
    edited = {**lesson, "pictures": sights, "answers": [answer, answer]}
    assert edited["what_if"] is not None
    show(tab, edited)
    expect(tab.locator(".wt-svg")).to_have_count(2)
    assert tab.locator(".wt-svg").first.bounding_box() == before
    expect(tab.locator(".wt-before figcaption")).to_have_text("As it was")
