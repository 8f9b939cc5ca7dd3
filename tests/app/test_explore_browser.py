"""The landing page on the real server, in Chromium: what a visitor does in the first minutes.

The canvas alone is tested in canvas/; here it talks to Streamlit and the routes.
"""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.app.canvas.canvas_page import (
    click,
    counters,
    eventually,
    expect_pressed,
    expect_status,
    hover,
    picture_of,
    settle,
    status,
)

pytestmark = pytest.mark.browser
PATIENCE_MS = 300_000  # the first run of a busy machine
PLOTLY = "PlotlyChart"  # the name of the browser script that draws charts


def png(height=60, width=84):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def visit(page, address):
    """Open a page and wait until its canvas shows points."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.locator(".dv-explorer:not([aria-busy])").wait_for()
    eventually(page, lambda: counters(page)["redraws"] > 0)
    settle(page)
    return page


def wait_for_address(page, part):
    page.wait_for_function("(part) => location.search.includes(part)", arg=part)


def wait_for_quiet(page, *lists):
    """Wait for a second in which nothing is sent, asked or drawn; returns the lengths of lists."""
    before, now = None, (counters(page)["redraws"], *map(len, lists))
    while now != before:
        page.wait_for_timeout(1000)
        before, now = now, (counters(page)["redraws"], *map(len, lists))
    return now[1:]


@pytest.fixture
def visitor(page, server):
    """A visitor whose canvas has drawn and whose charts are there; nothing may complain."""
    visit(page, f"{server}/explore")
    page.locator(".js-plotly-plot").first.wait_for()
    yield page
    assert page.console_errors == []


def test_the_first_picture_needs_no_click_and_charts_come_after_it(page, server):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, f"{server}/explore")
    expect_status(page, "· head ")
    expect_status(page, "3 points")
    expect(page.get_by_role("heading", name="Where does it look?")).to_be_visible()
    page.locator(".js-plotly-plot").nth(3).wait_for()
    trace = next(i for i, url in enumerate(asked) if "/trace/" in url)
    chart = next(i for i, url in enumerate(asked) if PLOTLY in url)
    assert trace < chart
    for part in ("/trace/", "/picture/", "sampling.js", "BidiComponent"):  # hints are used
        assert sum(part in url for url in asked) == 1, part
    outside = [
        url
        for url in asked
        if not url.startswith((server, "data:", "blob:"))
        and not url.startswith(server.replace("http", "ws"))
    ]
    assert outside == []
    assert page.console_errors == []


@pytest.mark.slow
def test_sixty_moves_are_sixty_redraws_and_no_byte_to_the_server(page, server):
    sent, asked = [], []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.on("request", lambda request: asked.append(request.url))
    visit(page, server + "/?layer=encoder.1")
    page.locator(".js-plotly-plot").nth(2).wait_for()
    hover(page, 0.5, 0.5)
    first = wait_for_quiet(page, sent, asked)
    before, drawn = counters(page), picture_of(page)
    for step in range(60):
        hover(page, 0.1 + 0.8 * (step * 37 % 61) / 61, 0.1 + 0.8 * (step * 53 % 59) / 59)
    after = counters(page)
    assert picture_of(page) != drawn
    assert after["moves"] - before["moves"] == 60
    assert after["redraws"] - before["redraws"] == 60
    page.wait_for_timeout(800)
    assert (len(sent), len(asked)) == first


def test_a_click_pins_and_the_link_restores_everything(visitor, server, browser):
    visitor.get_by_role("radio", name="Encoder").check(force=True)
    wait_for_address(visitor, "layer=encoder.1")
    click(visitor, 0.3, 0.6)
    expect_pressed(visitor, "Pin")
    visitor.get_by_role("button", name="h2, head 2", exact=True).click()
    wait_for_address(visitor, "heads=")
    wait_for_address(visitor, "pin=1")
    link, seen = visitor.url, status(visitor)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = visit(context.new_page(), link)
    expect_status(other, seen)
    expect_pressed(other, "Pin")
    expect_pressed(other, "h2, head 2")
    expect_pressed(other, "h1, head 1", False)
    expect(other.get_by_role("radio", name="Encoder")).to_be_checked()
    context.close()


def test_the_first_look_is_one_head_and_grows_by_presses(visitor):
    for name, points in (("+ levels", 3), ("+ points", 16), ("+ heads", 128)):
        expect_pressed(visitor, name, False)
        visitor.get_by_role("button", name=name, exact=True).click()
        expect_status(visitor, f"{points} points")
    expect_pressed(visitor, "all 128")
    wait_for_address(visitor, "q=")
    visitor.get_by_role("button", name="all 128", exact=True).click()  # and back again
    expect_status(visitor, "· head ")
    wait_for_address(visitor, "top=3")
    visitor.get_by_role("button", name="Who reads here?", exact=True).click()
    for name in ("Lines", "Pin", "all 128"):
        expect(visitor.get_by_role("button", name=name, exact=True)).to_be_disabled()


def test_a_bad_link_shows_the_page_with_a_note(page, server):
    visit(page, server + "/?picture=nothing&layer=encoder.77&q=999999&colour=%3Cb%3E&heads=x")
    expect(page.get_by_text("names a picture that is not here")).to_be_visible()
    expect(page.get_by_text("names a layer this model does not have")).to_be_visible()
    expect(page.locator(".dv-notice")).to_contain_text('"q" was ignored')
    expect_status(page, "128 points")
    assert page.console_errors == []


def test_another_picture_and_layer_keep_the_canvas(visitor):
    visitor.locator(".dv").evaluate("(root) => { root.dataset.mark = 'kept'; }")
    before = picture_of(visitor, "photo")
    visitor.get_by_role("radio", name="The city at night").check(force=True)
    wait_for_address(visitor, "picture=night-city")
    eventually(visitor, lambda: picture_of(visitor, "photo") != before)
    visitor.locator(".dv-stage").focus()
    visitor.keyboard.press("[")
    wait_for_address(visitor, "layer=decoder.1")
    assert visitor.locator(".dv").evaluate("(root) => root.dataset.mark") == "kept"


@pytest.mark.slow
def test_charts_follow_the_pinned_query(visitor):
    chart = visitor.locator(".js-plotly-plot").first
    before = chart.evaluate("(plot) => JSON.stringify(plot.data[0].customdata)")
    visitor.locator(".dv-stage").focus()
    visitor.keyboard.press("ArrowRight")
    visitor.keyboard.press("Enter")
    visitor.wait_for_function(
        "(before) => JSON.stringify(document.querySelector('.js-plotly-plot')?.data?.[0]"
        ".customdata) !== before",
        arg=before,
    )


def test_an_upload_is_run_once_shown_and_kept_out_of_the_link(visitor):
    visitor.get_by_text("Use your own picture").click()
    visitor.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": png()}
    )
    visitor.get_by_text("has seen rendered scenes only").first.wait_for()
    wait_for_address(visitor, "picture=upload")
    expect(visitor.get_by_role("radio", name="mine.png")).to_be_checked()
    visitor.get_by_text("Computed here").wait_for()


def test_a_hostile_upload_gets_a_sentence_and_the_picture_stays(visitor):
    before = picture_of(visitor, "photo")
    visitor.get_by_text("Use your own picture").click()
    visitor.locator("input[type=file]").set_input_files(
        {"name": "trap.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"x" * 99}
    )
    alert = visitor.get_by_role("alert")
    expect(alert).to_have_text(re.compile(r"\.\s*$"))
    expect(alert).not_to_contain_text("Traceback")
    assert picture_of(visitor, "photo") == before


@pytest.mark.slow
def test_a_phone_shows_the_page_without_sideways_scrolling(browser, server):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    page = visit(context.new_page(), f"{server}/explore")
    width = page.evaluate(
        "Math.max(document.documentElement.scrollWidth, ...[...document"
        ".querySelectorAll('[data-testid=stMain]')].map((e) => e.scrollWidth))"
    )
    assert width <= 390
    assert page.locator(".dv-stage").bounding_box()["width"] > 330
    for name in ("Learn", "Look", "Compare", "Train", "Inspect", "Survey"):
        place = page.get_by_role("link", name=name, exact=True).bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 390 and place["y"] < 200
    gallery = page.locator(".st-key-row_of_pictures")
    gallery.get_by_role("radio", name="The city at night").check(force=True)
    wait_for_address(page, "picture=night-city")
    context.close()


@pytest.mark.slow
def test_every_control_has_a_name(visitor):
    """Walks shadow roots too; a nameless control is silent in a screen reader."""
    nameless = visitor.evaluate("""() => {
      const found = [];
      const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")
        || e.title || e.textContent.trim() || e.labels?.length || e.alt;
      const walk = (root) => {
        for (const e of root.querySelectorAll("*")) {
          if (e.shadowRoot) walk(e.shadowRoot);
          const control = e.matches(
            "button, a[href], input, select, textarea, summary, [tabindex='0']");
          if (control && e.checkVisibility() && e.type !== "hidden" && !named(e))
            found.push(e.outerHTML.slice(0, 160));
          if (e.tagName === "IMG" && !e.hasAttribute("alt")) found.push(e.outerHTML.slice(0, 160));
        }
      };
      walk(document);
      return found;
    }""")
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious(browser, server, axe, scheme):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page = visit(context.new_page(), f"{server}/explore")
    page.locator(".js-plotly-plot").first.wait_for()
    serious = [
        (rule["id"], [node["html"][:120] for node in rule["nodes"]])
        for rule in axe(page)
        if rule["impact"] in ("serious", "critical")
    ]
    context.close()
    assert serious == []
