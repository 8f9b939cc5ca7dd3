"""The page Equations: every derivation, and whatever cards, errata and lessons show of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from deformviz import bundles
from deformviz.checkpoints.load import load
from deformviz.figures.theme import palette
from deformviz.lessons.lesson import lessons
from deformviz.lessons.notes import ERRATA
from deformviz.publish.edition import Edition, Page
from deformviz.publish.stored import FAVOURITE
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import SHIPPED, StoredTrace, read_index
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.followed import Followed
from deformviz.walkthrough.myths import CARDS
from deformviz.walkthrough.passes import Material, kept_passes
from deformviz.walkthrough.payload import payload
from deformviz.walkthrough.prose import read_prose
from deformviz.walkthrough.subject import TOY, read_subject
from deformviz.words import say

NAME = "walkthrough"
MODEL = "deformable-detr-scenes"
STEP = "step"  # of an address: chooses nothing that has to be worked out


@dataclass(frozen=True)
class Choice:
    """One subject, followed once for every language."""

    asked: str  # its address without the step
    picture: StoredTrace
    followed: Followed


def key_of(asked: Mapping[str, str]) -> str:
    """What an address asks for, in one order and without the step; the script makes the same."""
    return urlencode(sorted((name, value) for name, value in asked.items() if name != STEP))


def wanted() -> Iterator[dict[str, str]]:
    """Every derivation, on the picture and by hand, and what cards, errata and lessons show."""
    for name, record in DERIVATIONS.items():
        yield {"derivation": name}
        if record.toy:
            yield {"derivation": name, "example": TOY}
    for card in CARDS:
        if card.view is not None and card.view.page == NAME:
            yield dict(card.view.params)
    for one in ERRATA:
        page, _, query = one.page.partition("?")
        if page == NAME:
            yield dict(parse_qsl(query))
    for lesson in lessons():
        for step in lesson.steps:
            if step.scene and step.scene.page == NAME:
                yield dict(step.scene.params)


def choices() -> list[Choice]:
    """All that is wanted, worked out by the shipped models."""
    passes, stored = kept_passes(), {one.name: one for one in read_index(SHIPPED)}
    found: dict[str, Choice] = {}
    for asked in wanted():
        key = key_of(asked)
        if key in found:
            continue
        subject, _, notes = read_subject(asked)
        picture = stored.get(asked.get("picture", FAVOURITE))
        if notes or picture is None:
            raise ValueError(f"{asked} is no subject: {(notes or ['no such picture'])[0]}")
        subject = replace(subject, layer=asked.get("layer", subject.layer))
        found[key] = Choice(key, picture, follow(subject, _material(picture, passes)))
    return list(found.values())


def _material(picture: StoredTrace, passes: Any) -> Material:
    return Material(
        key=picture.name,
        model=lambda: load(MODEL),
        picture=lambda: read_picture(picture.picture_jpeg()),
        load=load,
        passes=passes,
    )


def pages(edition: Edition, worked: list[Choice]) -> Iterable[Page]:
    """One page of all; its links choose among them."""
    title = say(f"page.{NAME}.title")
    shown = {one.asked: _kept(edition, one) for one in worked}
    links = "".join(_link(name, example) for name, example in _listed(shown))
    yield Page(
        NAME,
        f"{title} · deformviz",
        say("site.equations"),
        f'<p>{escape(say("site.equations"))}</p><ul class="ds-gallery">{links}</ul>',
        {
            "shows": "equations",
            "canvas": edition.canvas("equations"),
            "choices": [{"key": key, "address": address} for key, address in shown.items()],
        },
        title,
    )


def _listed(shown: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Derivations and their examples that get a link of their own."""
    for name in DERIVATIONS:
        yield name, ""
        if key_of({"derivation": name, "example": TOY}) in shown:
            yield name, TOY


def _link(name: str, example: str) -> str:
    asked = key_of({"derivation": name} | ({"example": example} if example else {}))
    title = read_prose(name).title
    if example:
        title = say("site.by_hand", title=title)
    return (
        f'<li><a class="ds-text" href="{NAME}.html?{escape(asked)}" data-key="{escape(asked)}">'
        f"{escape(title)}</a></li>"
    )


def _kept(edition: Edition, one: Choice) -> str:
    """Address of all that is drawn of a subject, in this language."""
    told: dict[str, Any] = {**payload(one.followed), "what_if": None}  # nobody computes here
    for picture in told["pictures"]:
        if not picture["cells"]:
            name = f"{one.picture.name}.jpg"
            picture["url"] = edition.keep(name, one.picture.picture_jpeg())
    data = {
        "lesson": told,
        "font": edition.keep("math.ttf", bundles.math_font().read_bytes()),
        "palette": palette(max(1, told["sizes"][1])),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    name = f"equations-{one.followed.subject.derivation}.{edition.language}.bin"
    return edition.keep(name, gzip.compress(text, 9, mtime=0))
