"""The start page, the ten lessons, and the sheet for a class."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from deformviz import bundles
from deformviz.lessons.lesson import ORDER, Lesson, lesson
from deformviz.lessons.payload import Places, lesson_payload
from deformviz.lessons.sheet import sheet_html
from deformviz.publish.edition import START, Edition, Page
from deformviz.publish.markup import inline, plain
from deformviz.tracing.store import StoredTrace
from deformviz.words import part, say

CANVASES = ("sampling", "grid", "keys", "equations")
SHEET = "sheet.html"


def pages(edition: Edition) -> Iterable[Page]:
    """What a visitor sees first, the list of lessons, and each of them."""
    told = [lesson(name, edition.language) for name in ORDER]
    kept = {one.name: _kept(edition, one) for one in told}
    yield _start(edition, told[0], kept[told[0].name])
    yield _list(told)
    for one in told:
        following = ORDER[one.number : one.number + 1]
        after = f"lesson-{following[0]}.html" if following else ""
        data = _data(edition, kept[one.name], after)
        yield Page(f"lesson-{one.name}", f"{one.title} · deformviz", plain(one.goal), "", data)


def write_sheet(edition: Edition) -> None:
    """The sheet to print."""
    place = f"{edition.below(edition.language)}{SHEET}"
    edition.folder.write(place, sheet_html(edition.language))
    edition.written.append(place)


def _start(edition: Edition, first: Lesson, kept: str) -> Page:
    definition = say("page.start.definition")
    links = "".join(
        f'<a href="{name}.html">{escape(say(key))}</a> '
        for name, key in (("learn", "page.start.lessons"), ("explore", "page.start.lab"))
    )
    data = {**_data(edition, kept, ""), "whole": f"lesson-{first.name}.html"}
    data["player"]["front"] = True
    body = f"<p>{inline(definition)}</p><p>{links}</p>"
    return Page(START, "deformviz", plain(definition), body, data, "deformviz")


def _list(told: list[Lesson]) -> Page:
    rows = "".join(
        f'<li><a href="lesson-{one.name}.html">{escape(one.title)}</a> '
        f'<span class="ds-quiet">{escape(say("site.minutes", minutes=one.minutes))}</span><br>'
        f"{inline(one.goal)}</li>"
        for one in told
    )
    body = (
        f'<ol class="ds-lessons">{rows}</ol>'
        f'<p><a href="{SHEET}">{escape(say("page.learn.sheet"))}</a></p>'
    )
    title = say("page.learn.title")
    about = f"{say('page.start.lessons')}: {', '.join(one.title for one in told)}"
    return Page("learn", f"{title} · deformviz", about, body, heading=title)


def _data(edition: Edition, kept: str, following: str) -> dict[str, Any]:
    """What the script of a lesson's page is handed."""
    return {
        "shows": "lesson",
        "lesson": kept,
        "whole": "",
        "canvas": edition.canvas("lesson"),
        "player": {
            "next": following,
            "front": False,
            "scripts": {kind: edition.canvas(kind) for kind in CANVASES},
            "words": part("lesson"),
            "language": edition.language,
        },
    }


def _kept(edition: Edition, one: Lesson) -> str:
    """Address of all a lesson says and shows."""

    def stored(trace: StoredTrace, layer: str | None) -> str:
        if layer is None:
            return edition.keep(f"{trace.name}.jpg", trace.picture_jpeg())
        return edition.keep(f"{trace.name}-{layer}.bin", trace.layer_gzip(layer))

    def snapshot(path: Path) -> str:
        return edition.keep(f"{path.name.removesuffix('.bin.gz')}.bin", path.read_bytes())

    font = edition.keep("math.ttf", bundles.math_font().read_bytes())
    told = lesson_payload(one, Places(stored, edition.lab, font, snapshot), edition.language)
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return edition.keep(
        f"lesson-{one.name}.{edition.language}.bin", gzip.compress(text, 9, mtime=0)
    )
