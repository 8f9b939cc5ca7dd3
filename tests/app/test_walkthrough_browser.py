"""The page of equations in Chromium: symbol, tensor, picture and code light up together."""

import re

import pytest
from playwright.sync_api import expect

from deformviz.walkthrough.breaking import MISTAKES

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000
HARMLESS = "404 (Not Found)"        # a deep link asks for Streamlit's health below its own path


def visit(page, server, **params):
    page.set_default_timeout(PATIENCE_MS)
    query = "&".join(f"{name}={value}" for name, value in params.items())
    page.goto(f"{server}/walkthrough?{query}")
    page.locator(".wt-equation").wait_for()
    return page


@pytest.fixture
def lesson(page, server):
    """Multi-scale attention on a picture, at its last sum; nothing may complain."""
    yield visit(page, server, derivation="multi_scale", layer="decoder.1", step="attended")
    assert [e for e in page.console_errors if HARMLESS not in e] == []


def expect_lit(page, selector, count=1):
    expect(page.locator(f"{selector}.wt-lit")).to_have_count(count)


def marks(page, at=-1):
    """Places and weights of a picture's samples, as text."""
    return page.locator(".wt-figure").nth(at).locator(".wt-sample").evaluate_all(
        "nodes => nodes.map(n => n.getAttribute('transform') + n.textContent)")


def current(page):
    return page.locator(".wt-chip[aria-current]").get_attribute("data-term")


def expect_current(page, term):
    expect(page.locator(".wt-chip[aria-current]")).to_have_attribute("data-term", term)


def answer(page):
    return page.locator(".wt-answer").last


def test_a_symbol_lights_its_tensor_its_marks_and_its_code(lesson):
    lesson.locator(".wt-equation [data-term=attention_weights]").hover()
    expect_lit(lesson, ".wt-card[data-term=attention_weights]")
    expect_lit(lesson, ".wt-chip[data-term=attention_weights]")
    expect(lesson.locator(".wt-word[data-term=attention_weights].wt-lit")).not_to_have_count(0)
    expect(lesson.locator(".wt-svg")).to_have_attribute("data-lit", "samples")


def test_a_word_of_code_lights_the_symbol(lesson):
    lesson.locator(".wt-word[data-term=sampled_values]").last.hover()
    expect_lit(lesson, ".wt-equation .term[data-term=sampled_values]")
    expect_lit(lesson, ".wt-card[data-term=sampled_values]")
    expect_lit(lesson, ".wt-card[data-term=attention_weights]", 0)


def test_a_number_lights_its_mark_and_a_mark_its_number(lesson):
    card = lesson.locator(".wt-card[data-term=attention_weights]")
    card.locator(".wt-cell").nth(5).hover()
    expect_lit(lesson, ".wt-sample")
    lesson.locator(".wt-quiet").first.hover()
    lesson.locator(".wt-sample").nth(5).dispatch_event("pointerenter")
    expect_lit(card, ".wt-cell")
    expect_lit(lesson, ".wt-equation .term[data-term=attention_weights]")


def test_pointing_sends_no_word_to_the_server(lesson):
    sent = []
    lesson.on("websocket", lambda socket: sent.append(socket))
    before = lesson.url
    for _ in range(3):
        lesson.locator(".wt-equation [data-term=attention_weights]").hover()
        lesson.locator(".wt-word[data-term=sampled_values]").last.hover()
    assert sent == [] and lesson.url == before


def test_dragging_a_sample_changes_numbers_and_box(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.0", step="output")
    before, numbers = answer(page).inner_text(), page.locator(".wt-card").first.text_content()
    mark = page.locator(".wt-sample").first.bounding_box()
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.down()
    page.mouse.move(mark["x"] + 90, mark["y"] + 60, steps=4)
    page.mouse.up()
    page.locator(".wt-figure").nth(1).wait_for()            # as it was, and changed
    expect(answer(page)).not_to_have_text(before, use_inner_text=True)
    expect(page.locator(".wt-card").first).not_to_have_text(numbers)
    assert marks(page, 0) != marks(page, 1)
    page.get_by_role("button", name="Put everything back").click()
    page.locator(".wt-figure").nth(1).wait_for(state="detached")
    expect(answer(page)).to_have_text(before, use_inner_text=True)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_changes_the_picture(page, server, mistake):
    visit(page, server, derivation="multi_scale", layer="decoder.1", mistake=mistake)
    page.locator(".wt-figure").nth(1).wait_for()
    assert marks(page, 0) != marks(page, 1)


def test_the_keyboard_walks_the_whole_derivation(lesson):
    lesson.locator(".wt-chip[aria-current]").focus()
    lesson.keyboard.press("ArrowDown")
    expect_current(lesson, "merged")
    for _ in range(30):
        lesson.keyboard.press("ArrowUp")
    expect_current(lesson, "query")
    seen = ["query"]
    while seen[-1] != "output":
        lesson.keyboard.press("ArrowDown")
        expect(lesson.locator(".wt-chip[aria-current]")).not_to_have_attribute(
            "data-term", seen[-1])
        seen.append(current(lesson))
    assert len(seen) == len(set(seen)) > 15
    lesson.keyboard.press("ArrowDown")
    expect_current(lesson, "output")
    lesson.keyboard.press("c")
    expect(lesson.locator(".wt-code")).to_be_hidden()
    lesson.keyboard.press("c")
    lesson.keyboard.press("ArrowRight")
    lesson.wait_for_function("() => location.search.includes('point=1')")
    expect(lesson.locator(".wt-sample.wt-chosen title")).to_have_text(
        re.compile("^head 0, level 0, point 1"))


def test_a_link_restores_the_step(lesson):
    lesson.locator(".wt-chip[data-term=sampling_offsets]").click()
    lesson.wait_for_function("() => location.search.includes('step=sampling_offsets')")
    address = lesson.url
    lesson.goto("about:blank")
    lesson.goto(address)
    lesson.locator(".wt-equation").wait_for()
    expect_current(lesson, "sampling_offsets")


def test_equations_are_drawn_and_no_latex_is_left(page, server):
    for derivation in ("multi_scale", "gradients", "dat"):
        visit(page, server, derivation=derivation)
        page.wait_for_function("() => [...document.fonts].some("
                               "f => f.family.includes('dv-math') && f.status === 'loaded')")
        for chip in page.locator(".wt-chip").all():
            chip.dispatch_event("click")
            expect(chip).to_have_attribute("aria-current", re.compile("."))
            equation = page.locator(".wt-equation").text_content()
            assert "\\" not in equation and "term" not in equation, equation
            expect(page.locator(".wt-equation math")).to_have_count(1)
            assert "\\" not in page.locator(".wt-meta").text_content()


def test_a_phone_scrolls_only_down(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server, derivation="multi_scale", mistake="swap_xy")
    wide = page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")
    assert wide <= 0
    column = page.locator(".wt").bounding_box()
    assert column["x"] >= 0 and column["x"] + column["width"] <= 390
