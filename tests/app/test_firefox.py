"""The app in Firefox: every page draws and complains of nothing, wide and narrow, light and dark.

Whatever Streamlit itself shows around our elements is its own; axe-core is asked about ours.
"""

import pytest

from app.rooms import PAGES
from tests.app.canvas.canvas_page import eventually
from tests.publish.walking import HAS_INK, NARROW, PICTURE, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE_MS = 180_000
# What a page shows once it is there; on the others its heading.
SHOWN = dict.fromkeys(("explore", "dat", "compare_attention", "survey"), PICTURE)
SHOWN |= {"training": ".dr canvas", "start": ".dl-text h2", "learn": ".dl-text h2"}
SHOWN |= {"walkthrough": ".wt math", "recordings": "[data-testid=stFileUploader]"}
HEADING = "h1, h2"
STATES = ((WIDE, "light", True), (NARROW, "dark", True), (NARROW, "light", False))
STATES += ((WIDE, "dark", False),)
INSIDE = "nodes => nodes.every(node => node.getBoundingClientRect().right <= innerWidth + 1)"


@pytest.fixture
def visitor(firefox_page, server):
    """A visitor; whatever leaves the server or complains fails the test."""
    page, left = firefox_page, []
    page.set_default_timeout(PATIENCE_MS)
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((f"{server}/", "data:", "blob:", "about:"))
            else left.append(request.url)
        ),
    )
    yield page
    assert left == []
    assert page.console_errors == []


def settle(page, name):
    """Wait until a page shows what it is there for."""
    shown = SHOWN.get(name, HEADING)
    page.locator(shown).first.wait_for()
    if "canvas" in shown:
        eventually(page, lambda: page.locator(shown).evaluate_all(HAS_INK), PATIENCE_MS / 1000)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_page_draws_fits_and_is_accessible(visitor, server, axe, name):
    page, wrong = visitor, []
    page.goto(f"{server}/{'' if name == PAGES[0].name else name}")
    for size, scheme, asks in STATES:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        settle(page, name)
        assert page.locator(".dv, .wt").evaluate_all(INSIDE), (size, scheme)
        if asks:
            found = axe(page)
            wrong += [(scheme, one["id"], html) for one in found for html in ours(one)]
    assert wrong == []


def ours(violation):
    """What of ours, in shadow roots, a rule complains of: a list names the way into one."""
    return [
        node["html"][:160]
        for node in violation["nodes"]
        if any(isinstance(place, list) for place in node["target"])
    ]


def test_the_pointer_is_answered(visitor, server):
    page = visitor
    page.goto(f"{server}/explore")
    settle(page, "explore")
    status = page.locator(".dv-status")
    box, said = page.locator(".dv-stage").bounding_box(), {status.inner_text()}
    for share_x, share_y in ((0.3, 0.6), (0.8, 0.3)):
        page.mouse.move(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)
        eventually(page, lambda: status.inner_text() not in said)
        said.add(status.inner_text())
