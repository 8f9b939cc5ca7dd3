"""Learn: ten lessons, each a walk of a few steps with something to predict."""

from __future__ import annotations

import streamlit as st

from app import visitor
from app.canvas.kinds import EQUATIONS, mount_lesson
from app.rooms import PAGES
from deformviz.lessons.lesson import ORDER, Lesson, lesson, lessons
from deformviz.lessons.payload import Places, lesson_payload
from deformviz.tracing.store import StoredTrace
from deformviz.words import say

STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.st-key-lesson { min-height: 34rem; }
</style>"""
ADDRESS = ("lesson", "step", "teach")


def page() -> None:
    """The page, top to bottom."""
    read_link()
    st.html(STYLE)
    names = [one.name for one in lessons()]
    st.session_state["lesson_choice"] = visitor.me().lesson
    st.selectbox(
        say("page.learn.choose"),
        names,
        key="lesson_choice",
        format_func=lambda name: say(
            "page.learn.lesson",
            number=ORDER.index(name) + 1,
            title=lesson(name).title,
            minutes=lesson(name).minutes,
        ),
        on_change=begin,
    )
    with st.container(key="lesson"):
        play()


def begin() -> None:
    """Open the chosen lesson at its first step."""
    visitor.change(lesson=st.session_state["lesson_choice"], lesson_step="", lesson_done=())


def read_link() -> None:
    """Take lesson and step from a link, and note what is not here."""
    link = visitor.asked()
    visitor.note_unknown(link, ADDRESS)
    if "teach" in link:
        visitor.change(teaching=link["teach"] == "1")
    if "lesson" not in link:
        return
    if link["lesson"] not in ORDER:
        visitor.note(say("page.learn.no_lesson"))
        return
    step = link.get("step", "")
    if step and step not in {one.name for one in lesson(link["lesson"]).steps}:
        visitor.note(say("page.learn.no_step"))
        step = ""
    visitor.change(lesson=link["lesson"], lesson_step=step, lesson_done=())


@st.fragment
def play() -> None:
    """The player; what it tells is the place in the address."""
    me = visitor.me()
    one = lesson(me.lesson)

    def walked() -> None:
        told = st.session_state["lesson_player"].step
        if told and told["lesson"] == visitor.me().lesson:
            visitor.change(lesson_step=told["step"], lesson_done=tuple(told["done"]))

    mount_lesson(
        lesson_payload(one, Places(stored_address, lab_address, EQUATIONS.address("math.ttf"))),
        step=me.lesson_step,
        done=me.lesson_done,
        following=following(one),
        teaching=me.teaching,
        key="lesson_player",
        on_step=walked,
    )
    me = visitor.me()
    wanted = {"lesson": me.lesson}
    if me.lesson_step:
        wanted["step"] = me.lesson_step
    visitor.write(wanted | ({"teach": "1"} if me.teaching else {}))


def stored_address(stored: StoredTrace, layer: str | None) -> str:
    """Where this server keeps a shipped layer or picture."""
    return f"trace/{stored.key}/{layer}.bin" if layer else f"picture/{stored.key}.jpg"


def lab_address(where: str) -> str:
    """A page of the lab, beside this one; the landing page has no name in its address."""
    name, mark, query = where.partition("?")
    return f"./{mark}{query}" if name == PAGES[0].name else where


def following(one: Lesson) -> str:
    """The address of the lesson after this one, or "" after the last."""
    names = ORDER[one.number : one.number + 1]
    return f"learn?lesson={names[0]}" if names else ""


page()
