"""Learn: ten lessons, each a walk of a few steps with something to predict."""

from __future__ import annotations

import streamlit as st

from app import visitor
from app.canvas.kinds import mount_lesson
from app.views.learning import (
    STYLE,
    following,
    for_a_class,
    in_language,
    language_choice,
    payload_of,
)
from deformviz.lessons.lesson import ORDER
from deformviz.words import say, spoken

NOTHING_ELSE = """<style>
.stAppHeader, .st-key-entries, .st-key-entry_pages { display: none; }
.stMainBlockContainer { padding-block: 1rem; max-width: none; }
</style>"""
ADDRESS = ("lesson", "step", "teach")


def page() -> None:
    """The page, top to bottom."""
    read_link()
    st.html(STYLE)
    if visitor.me().teaching:
        st.html(NOTHING_ELSE)
    else:
        choices()
    with st.container(key="lesson"):
        play()


def choices() -> None:
    """Which lesson, in which language; and what a teacher needs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["lesson_choice"] = visitor.me().lesson
        st.selectbox(
            say("page.learn.choose"),
            ORDER,
            key="lesson_choice",
            format_func=lambda name: say(
                "page.learn.lesson",
                number=ORDER.index(name) + 1,
                title=in_language(name).title,
                minutes=in_language(name).minutes,
            ),
            on_change=begin,
        )
        st.button(
            say("page.learn.teach"),
            type="tertiary",
            icon=":material/co_present:",
            key="teach",
            help=say("page.learn.teach.help"),
            on_click=teach,
        )
        st.link_button(
            say("page.learn.sheet"),
            f"sheet/{spoken()}",
            type="tertiary",
            icon=":material/print:",
        )
        language_choice()


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
    if step and step not in {one.name for one in in_language(link["lesson"]).steps}:
        visitor.note(say("page.learn.no_step"))
        step = ""
    visitor.change(lesson=link["lesson"], lesson_step=step, lesson_done=())


def teach() -> None:
    """Go in front of a class."""
    visitor.change(teaching=True)


@st.fragment
def play() -> None:
    """The player; what it tells is the place in the address."""
    me = visitor.me()
    one = in_language(me.lesson)

    def walked() -> None:
        told = st.session_state["lesson_player"].step
        if told and told["lesson"] == visitor.me().lesson:
            visitor.change(lesson_step=told["step"], lesson_done=tuple(told["done"]))

    mount_lesson(
        payload_of(me.lesson),
        step=me.lesson_step,
        done=me.lesson_done,
        following=following(one, me.teaching),
        teaching=me.teaching,
        more=for_a_class(place(me)) if me.teaching else None,
        key="lesson_player",
        on_step=walked,
    )
    me = visitor.me()
    visitor.write(place(me) | ({"teach": "1"} if me.teaching else {}))


def place(me: visitor.Visitor) -> dict[str, str]:
    """Lesson and step, as an address says them."""
    return {"lesson": me.lesson} | ({"step": me.lesson_step} if me.lesson_step else {})


page()
