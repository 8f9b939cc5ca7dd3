"""A visit to the app without a browser: pages by name, what they say, and what they remember."""

import re
from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app import work
from app.rooms import ENTRIES, entry_of, page_called
from app.rooms import PAGES as PAGES_IN_ORDER
from app.visitor import RECORD, Here, Visitor
from deformviz.words.markdown import APART

PAGES = Path(__file__).parents[2] / "app" / "pages.py"
SECONDS = 90


def visit(name="explore", **link):
    """A page of a new visitor who follows a link; it has not run yet."""
    page = AppTest.from_file(str(PAGES), default_timeout=SECONDS)
    if name != PAGES_IN_ORDER[0].name:
        page.switch_page(f"views/{name}.py")
    for parameter, value in link.items():
        page.query_params[parameter] = value
    return page


def settled(page):
    """The page once everything it asked for is there: no bar is left, and it says the same again.

    A job may end between a run and a look at the line; the run after it may ask for the next one.
    """
    page.run()
    while True:
        work.settle(SECONDS)
        said = texts(page)
        page.run()
        if texts(page) == said and not is_waiting(page):
            return page


def is_waiting(page) -> bool:
    """Whether it waits for something, or did when it was made."""
    return bool(page.get("progress")) or any(lane.line.keys() for lane in work.LANES.values())


def me(page) -> Visitor:
    """What the server remembers of the visitor."""
    return page.session_state[RECORD]


def here(page) -> Here:
    """What is chosen in the room of the page."""
    return me(page).here


def choose(page, room="", **values):
    """Have the visitor chosen something, as a widget or another page would."""
    visitor = page.session_state[RECORD] if RECORD in page.session_state else Visitor()
    room = room or visitor.room
    chosen = replace(visitor.rooms.get(room, Here()), **values)
    page.session_state[RECORD] = replace(visitor, rooms={**visitor.rooms, room: chosen})
    return page


def texts(page):
    """Everything the page says in words, as they are read."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "error", "success")
    return " ".join(read(element.value) for kind in kinds for element in getattr(page, kind))


def read(markdown):
    """Markdown's text as it is read: without what keeps a stranger's words from being Markdown."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", str(markdown)).replace(APART, "")


def links(page, name):
    """Where a page itself leads, below the navigation."""
    entry = entry_of(page_called(name))
    return page.get("page_link")[len(ENTRIES) + len(entry.pages) + len(entry.besides) :]


def address(page):
    """The parameters of the page's address."""
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in page.query_params.items()
    }
