"""Start here: what this is in one line, and the first step of the first lesson, alive."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import visitor
from app.canvas.kinds import mount_lesson
from app.views.learning import STYLE, language_choice, payload_of
from deformviz.lessons.lesson import ORDER
from deformviz.words import say

VIEWS = Path(__file__).parent


def page() -> None:
    """The page, top to bottom."""
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("deformviz", anchor=False, width="stretch")
        language_choice()
    st.markdown(say("page.start.definition"))
    with st.container(horizontal=True):
        st.page_link(VIEWS / "learn.py", label=say("page.start.lessons"), icon=":material/school:")
        st.page_link(VIEWS / "explore.py", label=say("page.start.lab"), icon=":material/science:")
    with st.container(key="lesson"):
        told = first_step()
    if told and told["step"] != payload_of(ORDER[0])["steps"][0]["name"]:
        visitor.change(
            lesson=told["lesson"], lesson_step=told["step"], lesson_done=tuple(told["done"])
        )
        st.switch_page(VIEWS / "learn.py")
    visitor.write({})


def first_step() -> dict | None:
    """The player at the first step; what it told last."""
    return mount_lesson(
        payload_of(ORDER[0]),
        step="",
        done=(),
        following="",
        front=True,
        key="first_step",
    ).step


page()
