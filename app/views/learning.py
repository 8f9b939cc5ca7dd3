"""What the pages of lessons share: where the player finds things, and the choice of language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import segno
import streamlit as st

from app import visitor
from app.canvas.kinds import EQUATIONS
from app.rooms import PAGES
from deformviz.lessons.lesson import ORDER, Lesson, lesson
from deformviz.lessons.payload import Places, lesson_payload
from deformviz.lessons.teaching import PLAN, Part, next_part
from deformviz.tracing.store import StoredTrace
from deformviz.words import languages, say, spoken

STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.st-key-lesson { min-height: 34rem; }
</style>"""


def in_language(name: str) -> Lesson:
    """A lesson in the language of this visitor."""
    return lesson(name, spoken())


def payload_of(name: str) -> dict[str, Any]:
    """A lesson as the player is handed it on this server."""
    places = Places(stored_address, lab_address, EQUATIONS.address("math.ttf"), snapshot_address)
    return lesson_payload(in_language(name), places, spoken())


def stored_address(stored: StoredTrace, layer: str | None) -> str:
    """Where this server keeps a shipped layer or picture."""
    return f"trace/{stored.key}/{layer}.bin" if layer else f"picture/{stored.key}.jpg"


def snapshot_address(path: Path) -> str:
    """Where this server keeps a layer of a training before its end."""
    return f"snapshot/{path.name}"


def lab_address(where: str) -> str:
    """A page of the lab, beside this one; the landing page has no name in its address."""
    name, mark, query = where.partition("?")
    return f"./{mark}{query}" if name == PAGES[0].name else where


def following(one: Lesson, teaching: bool = False) -> str:
    """The address of the lesson after this one, or "" after the last; a class follows the plan."""
    if teaching:
        part = next_part(one.name)
        return part_address(part) if part else ""
    names = ORDER[one.number : one.number + 1]
    return f"learn?lesson={names[0]}" if names else ""


def part_address(part: Part) -> str:
    """Where a part of the plan begins."""
    step = f"&step={part.steps[0]}" if part.steps else ""
    return f"learn?lesson={part.lesson}{step}&teach=1"


def for_a_class(wanted: Mapping[str, str]) -> dict[str, Any]:
    """What the player shows a class besides: the code of a view's address, plan and sheet."""
    base = st.context.url or ""
    address = f"{base.partition('?')[0]}?{urlencode(wanted)}"
    return {
        "code": {"address": address, "picture": segno.make(address).svg_data_uri()},
        "plan": [
            {
                "name": part.lesson,
                "title": part.of(spoken())[0].title,
                "minutes": part.minutes,
                "href": part_address(part),
            }
            for part in PLAN
        ],
        "sheet": f"sheet/{spoken()}",
    }


def language_choice() -> None:
    """A button for each language other than the one being spoken."""
    for language in languages():
        if language != spoken():
            st.button(
                say(f"language.{language}"),
                key=f"language_{language}",
                type="tertiary",
                icon=":material/translate:",
                on_click=visitor.choose_language,
                args=(language,),
            )
