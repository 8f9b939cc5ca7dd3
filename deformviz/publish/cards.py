"""Pages of words alone: the cards, what notes say, and the glossary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlencode

from deformviz.lessons.glossary import glossary
from deformviz.lessons.notes import ERRATA, Erratum, introduction, told
from deformviz.publish.edition import Edition, Page
from deformviz.publish.markup import inline, paragraphs, plain
from deformviz.walkthrough.myths import CARDS, TOPICS, Card
from deformviz.walkthrough.prose import read_prose
from deformviz.words import say

PLACE = "\u2060"  # of a myth in its sentence, whose emphasis may hold code


def pages(edition: Edition) -> Iterable[Page]:
    """Both, each as one page that needs no script."""
    prose = read_prose("myths")
    topics = "".join(_topic(edition, topic) for topic in TOPICS)
    yield Page(
        "myths",
        f"{prose.title} · deformviz",
        plain(prose.introduction),
        paragraphs(prose.introduction) + topics,
        heading=prose.title,
    )
    title, what = introduction(edition.language)
    words = told(edition.language)
    errata = "".join(_erratum(edition, one, words[one.name]) for one in ERRATA)
    terms = "".join(
        f'<dt id="{escape(term["name"])}">{escape(" · ".join(term["forms"]))}</dt>'
        f"<dd>{inline(term['means'])}</dd>"
        for term in glossary(edition.language)
    )
    yield Page(
        "notes",
        f"{title} · deformviz",
        plain(what),
        f'<p>{inline(what)}</p><ul class="ds-cards">{errata}</ul>'
        f'<h2 id="glossary">{escape(say("page.notes.glossary"))}</h2><dl>{terms}</dl>',
        heading=title,
    )


def _topic(edition: Edition, topic: str) -> str:
    cards = "".join(_card(edition, card) for card in CARDS if card.topic == topic)
    title = escape(say(f"card.topic.{topic}"))
    return f'<h2 id="{topic}">{title}</h2><ul class="ds-cards">{cards}</ul>'


def _card(edition: Edition, card: Card) -> str:
    """A card; its answer opens after a guess."""
    seen = ""
    if card.view is not None:
        query = urlencode(card.view.params)
        seen = _see(edition, f"{card.view.page}?{query}" if query else card.view.page)
    myth = inline(say("card.myth", myth=PLACE)).replace(PLACE, inline(card.myth))
    return (
        f"<li><h3>{card.number}. {inline(card.title)}</h3><p>{myth}</p>"
        f"<details><summary>{escape(say('card.guess'))}</summary>"
        f"<p>{inline(card.answer)}</p>{seen}</details></li>"
    )


def _erratum(edition: Edition, one: Erratum, words: Mapping[str, str]) -> str:
    lesson, _, step = one.lesson.partition(":")
    where = f"learn?lesson={lesson}&step={step}" if lesson else one.page
    computed = ""
    if one.proof:
        value = ", ".join(
            f"{part:.4g}" if isinstance(part, float) else str(part)
            for part in (one.value if isinstance(one.value, list) else [one.value])
        )
        said = say("page.notes.computed", value=value, name=one.proof)
        computed = f'<p class="ds-quiet">{inline(said)}</p>'
    return (
        f"<li><h2>{inline(words['title'])}</h2><p>✗ <em>{inline(words['text'])}</em></p>"
        f"<p>✓ {inline(words['reveal'])}</p>{computed}{_see(edition, where) if where else ''}</li>"
    )


def _see(edition: Edition, where: str) -> str:
    """A link to the page that shows it, where this site has it."""
    address = edition.lab(where)
    if not address:
        return ""
    page = say(f"page.{where.partition('?')[0]}.title")
    return f'<p><a href="{escape(address)}">{escape(say("site.see", page=page))}</a></p>'
