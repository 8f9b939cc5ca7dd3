"""A site in one language: where its pages and files lie as one of them sees it, and their frame."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from deformviz import __version__, bundles
from deformviz.publish.folder import SiteFolder
from deformviz.publish.markup import inline
from deformviz.words import say

TEMPLATE = Path(__file__).with_name("page.html")
SCRIPT = "site"  # of every page
START = "index"


@dataclass(frozen=True)
class Page:
    """One page of a site."""

    name: str  # of its file, without ending
    title: str
    description: str  # a sentence for whoever only sees a link to it
    body: str  # HTML, below the heading
    data: dict[str, Any] | None = None  # what the script of the site shows; None: nothing
    heading: str = ""  # "" where what is shown has one of its own
    below: str = ""  # HTML under what is shown
    bare: bool = False  # without the site around it, for somebody else's page


@dataclass(frozen=True)
class Edition:
    """The site in the language being spoken; the first of `languages` lies at its root."""

    folder: SiteFolder
    language: str
    languages: tuple[str, ...]
    pages: tuple[str, ...]  # that are led to from every page, in their order
    address: str = ""  # of the site where that is known, ending in /
    preview: str = ""  # of its picture, from the root
    written: list[str] = field(default_factory=list)  # pages so far, from the root

    @property
    def up(self) -> str:
        """The way from a page of this edition to the site's root."""
        return self.to_root(self.language)

    def to_root(self, language: str) -> str:
        return "" if language == self.languages[0] else "../"

    def below(self, language: str) -> str:
        """The way from the site's root to the pages of a language."""
        return "" if language == self.languages[0] else f"{language}/"

    def keep(self, name: str, data: bytes) -> str:
        """Put bytes into the site; returns their address as a page of this edition sees it."""
        return self.up + self.folder.keep(name, data)

    def canvas(self, kind: str) -> dict[str, Any]:
        """Where a canvas lies, and what it says."""
        files = self.folder.canvas(kind)
        told = {name: self.up + address for name, address in files.items()}
        return {**told, "words": bundles.words(kind)}

    def lab(self, where: str) -> str:
        """Where this site shows "explore?picture=garden"; "" where it has no such page."""
        name, _, query = where.partition("?")
        if name == "learn" and "lesson=" in query:
            asked = dict(part.split("=", 1) for part in query.split("&"))
            step = asked.get("step", "")
            return f"lesson-{asked['lesson']}.html" + (f"?step={step}" if step else "")
        if name == "start":
            return f"{START}.html"
        return f"{name}.html" + (f"?{query}" if query else "") if name in self.pages else ""

    def write(self, page: Page) -> None:
        """Put a page into the site."""
        parts = {
            "language": self.language,
            "title": escape(page.title),
            "description": escape(page.description),
            "preview": escape(self._whole(self.preview) or self.up + self.preview),
            "links": self._links(page),
            "style": self.up + self.folder.canvas(SCRIPT)["style"],
            "body_class": "dv-page ds-page" + (" ds-bare" if page.bare else ""),
            "head": "" if page.bare else self._head(page),
            "heading": f"<h1>{escape(page.heading)}</h1>" if page.heading else "",
            "body": page.body,
            "shown": self._shown(page.data) if page.data else "",
            "below": page.below,
            "foot": "" if page.bare else self._foot(),
        }
        text = TEMPLATE.read_text(encoding="utf-8")
        filled = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], text)
        place = f"{self.below(self.language)}{page.name}.html"
        self.folder.write(place, filled)
        self.written.append(place)

    def _whole(self, place: str) -> str:
        """The whole address of a file from the root; "" where nobody knows it."""
        return self.address + place if self.address else ""

    def _links(self, page: Page) -> str:
        """The same page in other languages, and its one true address where that is known."""
        file = f"{page.name}.html"
        found = [
            f'<link rel="alternate" hreflang="{one}" href="{self._other(one)}{file}">'
            for one in self.languages
            if one != self.language
        ]
        if self.address:
            whole = self._whole(self.below(self.language) + file)
            found.append(f'<link rel="canonical" href="{escape(whole)}">')
        return "\n".join(found)

    def _other(self, language: str) -> str:
        return self.up + self.below(language)

    def _head(self, page: Page) -> str:
        """Name, pages and languages."""
        titles = {name: escape(say(f"page.{name}.title")) for name in self.pages}
        links = "".join(
            f'<a href="{name}.html"{here(name == page.name)}>{title}</a>'
            for name, title in titles.items()
        )
        languages = "".join(
            f'<a class="ds-language" lang="{one}" hreflang="{one}" '
            f'href="{self._other(one)}{page.name}.html">{escape(say(f"language.{one}"))}</a>'
            for one in self.languages
            if one != self.language
        )
        return (
            f'<a class="ds-skip" href="#content">{escape(say("site.skip"))}</a>'
            f'<header class="ds-head"><a class="ds-name" href="{START}.html"'
            f"{here(page.name == START)}>deformviz</a>"
            f'<nav aria-label="{escape(say("site.pages"))}">{links}</nav>{languages}</header>'
        )

    def _shown(self, data: dict[str, Any]) -> str:
        """The place of what the script shows, and what it needs to know."""
        told = {**data, "words": bundles.words(SCRIPT), "language": self.language}
        needs = inline(say("site.needs"))
        script = self.up + self.folder.canvas(SCRIPT)["script"]
        written = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace(
            "<", "\\u003c"
        )
        return (
            f'<div id="dv-room"><p class="ds-needs">{needs}</p></div>'
            f"<noscript><p>{needs}</p></noscript>"
            f'<script type="application/json" id="dv-site">{written}</script>'
            f'<script type="module" src="{script}"></script>'
        )

    def _foot(self) -> str:
        return f'<footer class="ds-foot">{escape(say("site.by", version=__version__))}</footer>'


def here(is_here: bool) -> str:
    return ' aria-current="page"' if is_here else ""
