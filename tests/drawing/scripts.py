"""Single modules of the canvases, as they are written, in a page of Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.app.canvas.canvas_page import load_canvas


@contextmanager
def modules(browser, *names: str) -> Iterator[Any]:
    """A page whose `code` holds what these modules export, such as "kit/view"."""
    context = browser.new_context(viewport={"width": 1000, "height": 640})
    try:
        page = context.new_page()
        load_canvas(page, modules=names)
        yield page
    finally:
        context.close()
