"""Break it, in Chromium: each switch changes the picture in the way its text says."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from deformviz.walkthrough.mistakes import MISTAKES

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000
MARGIN = 0.06
SAMPLE = re.compile(r"translate\((\S+) (\S+)\)head \d+, level (\d+), point \d+: weight (\S+)")


class Sight:
    """What one of the two pictures shows, read off its marks."""

    def __init__(self, figure):
        left, _, width, height = map(float, figure.locator("svg").get_attribute("viewBox").split())
        self.size = np.array([width + 2 * left, height + 2 * left])
        marks = figure.locator(".wt-sample").evaluate_all(
            "nodes => nodes.map(n => n.getAttribute('transform') + n.textContent)"
        )
        rows = [SAMPLE.match(mark).groups() for mark in marks]
        self.level = np.array([int(row[2]) for row in rows])
        self.weights = np.array([float(row[3]) for row in rows])
        self.places = np.array([[float(row[0]), float(row[1])] for row in rows]) / self.size
        across = figure.locator(".wt-cross").first.get_attribute("points")
        ends = np.array([end.split(",") for end in across.split()], float)
        self.reference = ends.mean(axis=0) / self.size


@pytest.fixture(scope="module")
def page(browser):
    """One page for all: it keeps the scripts it has loaded."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def compare(page, server):
    """Opens a mistake on a layer; returns the right sight, the broken one, and the page."""

    def opened(mistake, layer):
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{server}/walkthrough?derivation=multi_scale&layer={layer}&mistake={mistake}")
        figures = page.locator(".wt-figure")
        expect(figures).to_have_count(2, timeout=PATIENCE_MS)
        titles = [figures.nth(at).locator("figcaption").inner_text() for at in (0, 1)]
        assert titles == ["Right", "Broken"]
        return Sight(figures.nth(0)), Sight(figures.nth(1))

    return opened


def sizes_wh(page):
    """Width and height of every level, as the buttons of an encoder's picture say them."""
    titles = (
        page.locator(".wt-levels")
        .first.locator("button")
        .evaluate_all("nodes => nodes.map(n => n.title)")
    )
    return np.array([[int(n) for n in re.findall(r"\d+", title)[:0:-1]] for title in titles])


def close(one, other):
    return np.abs(one - other).max() < 2e-3  # the page rounds to four digits


def test_every_mistake_is_looked_at_here():
    tested = {
        "swap_xy",
        "swap_hw",
        "align_corners",
        "border_padding",
        "softmax_over_points",
        "forget_valid_ratios",
        "forget_padding_mask",
        "forget_half",
    }
    assert tested == set(MISTAKES)


@pytest.mark.slow
def test_swapped_x_and_y_mirror_every_point_along_the_diagonal(compare):
    right, broken = compare("swap_xy", "encoder.0")
    assert close(broken.places, right.places[:, ::-1])


@pytest.mark.slow
def test_divided_by_height_and_width_the_star_is_stretched_sideways(compare, page):
    right, broken = compare("swap_hw", "encoder.0")
    width, height = sizes_wh(page)[right.level].T
    assert (width > height).all()
    steps = right.places - right.reference
    stretched = np.stack([width / height, height / width], axis=-1)
    assert close(broken.places - broken.reference, steps * stretched)


@pytest.mark.slow
def test_aligned_corners_draw_every_place_towards_the_middle(compare, page):
    right, broken = compare("align_corners", "encoder.0")
    size = sizes_wh(page)[right.level]
    assert close(broken.places - 0.5, (right.places - 0.5) * (size - 1) / size)


@pytest.mark.slow
def test_with_border_padding_only_points_outside_move_to_the_edge(compare, page):
    right, broken = compare("border_padding", "encoder.0")
    half = 0.5 / sizes_wh(page)[right.level]
    assert (right.places < half).any()
    assert close(broken.places, right.places.clip(half, 1 - half))


@pytest.mark.slow
def test_a_softmax_over_points_lets_marks_grow_and_none_move(compare):
    right, broken = compare("softmax_over_points", "encoder.0")
    heads, levels = 8, right.level.max() + 1
    assert close(broken.places, right.places)
    assert right.weights.sum() == pytest.approx(heads, abs=0.1)
    assert broken.weights.sum() == pytest.approx(heads * levels, abs=0.1)


@pytest.mark.slow
def test_without_valid_ratios_the_reference_moves_towards_the_padding(compare):
    right, broken = compare("forget_valid_ratios", "decoder.0")
    ratios = 1 / np.array([1.5, 1.3])  # the padding that the page adds
    assert np.abs(broken.reference - right.reference / ratios).max() < 0.02


def test_without_the_padding_mask_the_answer_changes(compare, page):
    right, broken = compare("forget_padding_mask", "decoder.1")
    assert not close(broken.places, right.places)
    boxes = page.locator(".wt-answer")
    expect(boxes).to_have_count(2)
    said = [boxes.nth(at).locator("p").all_inner_texts() for at in (0, 1)]
    assert said[0] != said[1]
    expect(page.locator(".wt-padding")).to_have_count(2)


@pytest.mark.slow
def test_without_the_half_everything_is_read_half_a_pixel_further(compare, page):
    right, broken = compare("forget_half", "encoder.0")
    assert close(broken.places - right.places, 0.5 / sizes_wh(page)[right.level])


@pytest.mark.slow
def test_a_query_that_follows_another_proposal_says_so_below_the_pictures(compare, page):
    right, broken = compare("align_corners&query=2", "decoder.0")
    assert not close(broken.reference, right.reference)
    expect(page.locator(".wt-note")).to_contain_text("query 2 follows different proposals")
