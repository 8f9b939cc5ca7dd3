"""A canvas somewhere on a page, or in a frame of it, that has to answer the pointer."""

import time

from playwright.sync_api import expect

PATIENCE_S = 60


def until(page, holds, patience_s=PATIENCE_S):
    """Wait for something that no locator can tell."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(50)


def canvas_answers(page, inside):
    """The explorer draws anew where the pointer goes.

    Args:
        inside: the page itself, or the frame that shows the app.
    """
    expect(inside.locator(".dv-stage canvas").first).to_be_visible(timeout=1000 * PATIENCE_S)
    explorer, box = inside.locator(".dv"), inside.locator(".dv-stage").bounding_box()
    drawn = "(root) => root.__explorer.redraws"
    until(page, lambda: explorer.evaluate(drawn) > 0)
    before = explorer.evaluate(drawn)
    for share in (0.3, 0.6):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        until(page, lambda before=before: explorer.evaluate(drawn) > before)
        before = explorer.evaluate(drawn)
