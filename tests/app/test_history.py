"""What Back returns to: the script in every page, and each choice of three pages in Chromium."""

import pytest
from playwright.sync_api import expect
from starlette.responses import HTMLResponse, PlainTextResponse

from app.history import SCRIPT, History
from deformviz.lessons.lesson import ORDER, lesson
from tests.app.canvas.canvas_page import click, eventually, settle
from tests.app.test_first_visit import ask

PAGE = "<!doctype html><html><head><title>é</title></head></html>"
BROWSER = [(b"accept", b"text/html,*/*"), (b"accept-encoding", b"gzip"), (b"if-none-match", b"x")]


def behind(answer):
    """The middleware before an app with one answer, and the headers that app is asked with."""
    heard = {}

    async def inner(scope, receive, send):
        heard.update(scope["headers"])
        await answer(scope, receive, send)

    return History(inner), heard


def test_a_page_begins_with_the_script_and_says_its_length():
    app, heard = behind(HTMLResponse(PAGE))
    status, headers, body = ask(app, "/explore", headers=BROWSER)
    assert status == 200 and int(headers["content-length"]) == len(body)
    assert body.decode() == PAGE.replace("<head>", f"<head><script>\n{SCRIPT}</script>")
    assert set(heard) == {b"accept"}  # neither packed nor known to the browser already


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (PlainTextResponse(PAGE), BROWSER),
        (HTMLResponse(PAGE, status_code=404), BROWSER),
        (HTMLResponse(PAGE), [(b"accept", b"*/*"), (b"accept-encoding", b"gzip")]),
    ],
)
def test_what_is_no_page_is_left_as_it_is(answer, headers):
    app, _ = behind(answer)
    assert ask(app, "/explore", headers=headers)[2].decode() == PAGE


# -- in Chromium ---------------------------------------------------------------------------------

# All that is chosen; whether a query that the pointer left is held again is no choice.
LOOK = """() => {
  const shown = [];
  const chosen = "button[aria-pressed=true]:not([title*=Enter]), .dl-text h2, input:checked";
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) walk(node.shadowRoot);
      if (node.matches(chosen)) shown.push(node.value || node.textContent);
      if (node.matches(".dv-status")) shown.push(node.textContent.split(" · ", 4).join());
    }
  };
  walk(document);
  return shown.join(" | ");
}"""


def pressing(*names):
    """Choices by the buttons of a canvas."""
    return [
        lambda page, name=name: page.get_by_role("button", name=name, exact=True).click()
        for name in names
    ]


def choosing(*names):
    """Choices by the widgets above it."""
    return [
        lambda page, name=name: page.get_by_role("radio", name=name, exact=True).check(force=True)
        for name in names
    ]


WALK = {
    "explore": [
        *pressing("+ levels", "+ points", "+ heads", "Lines", "Sampling mass", "Who reads here?"),
        lambda page: click(page, 0.4, 0.5),
        *choosing("Encoder", "The city at night"),
        *pressing("h2, head 2"),
    ],
    "dat": [
        *pressing("All queries", "Arrows", "Mesh", "Side by side"),
        lambda page: click(page, 0.3, 0.6),
    ],
    "learn": [lambda page: page.locator(".dl-next").click()] * 3,
}


def told(page, before):
    """Wait until the address says something new and the page shows it."""
    page.wait_for_function("(before) => location.href !== before", arg=before)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    if page.locator(".dv-stage").count():
        settle(page)
    return page.url, page.evaluate(LOOK)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", WALK)
def test_back_returns_to_each_choice_and_forth_again(server, page, name):
    page.goto(f"{server}/{name}")
    page.locator(".dv-status, .dl-text h2").first.wait_for()
    states = [told(page, f"{server}/{name}")]
    begun = page.evaluate("history.length")
    for number, choose in enumerate(WALK[name], 1):
        choose(page)
        states.append(told(page, states[-1][0]))
        assert page.evaluate("history.length") == begun + number, states[-1]
    for way, seen in (("back", states[-2::-1]), ("forward", states[1:])):
        for address, shown in seen:
            page.evaluate(f"history.{way}()")
            expect(page).to_have_url(address)
            eventually(page, lambda shown=shown: page.evaluate(LOOK) == shown)
            assert page.url == address
    assert page.console_errors == []


@pytest.mark.slow
@pytest.mark.browser
def test_back_leaves_a_page_at_once(server, page):
    """Arriving adds nothing: one press returns to where one came from."""
    page.goto(f"{server}/learn")
    expect(page.locator(".dl-text h2")).to_have_text(lesson(ORDER[0]).steps[0].title)
    page.get_by_role("link", name="Look", exact=True).click()
    page.locator(".dv-explorer:not([aria-busy])").wait_for()
    page.wait_for_function("location.search.includes('q=')")
    page.evaluate("history.back()")
    expect(page.locator(".dl-text h2")).to_have_text(lesson(ORDER[0]).steps[0].title)
