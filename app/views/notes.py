"""What your notes say: statements that circulate, each beside the right version and its proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from app import visitor
from app.views.learning import STYLE, language_choice
from deformviz.lessons.glossary import glossary
from deformviz.lessons.notes import ERRATA, Erratum, introduction, told
from deformviz.words import say, spoken

VIEWS = Path(__file__).parent


def page() -> None:
    """The page, top to bottom."""
    visitor.note_unknown(visitor.asked(), ())
    st.html(STYLE)
    title, what = introduction(spoken())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False, width="stretch")
        language_choice()
    st.markdown(what)
    words = told(spoken())
    for first in range(0, len(ERRATA), 2):
        for column, one in zip(st.columns(2), ERRATA[first : first + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                show(one, words[one.name])
    with st.expander(say("page.notes.glossary"), icon=":material/dictionary:"):
        for term in glossary(spoken()):
            st.markdown(f"**{' · '.join(term['forms'])}**: {term['means']}")
    visitor.write({})


def show(one: Erratum, words: Mapping[str, str]) -> None:
    """One erratum: where it stands, what it says, what is right, and how that is known."""
    st.markdown(f"**{words['title']}**")
    st.markdown(f"✗ *{words['text']}*")
    st.markdown(f"✓ {words['reveal']}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if one.proof:
            value = ", ".join(
                f"{part:.4g}" if isinstance(part, float) else str(part)
                for part in (one.value if isinstance(one.value, list) else [one.value])
            )
            st.markdown(say("page.notes.computed", value=value, name=one.proof))
        if one.lesson or one.page:
            name, query = where(one)
            st.page_link(
                VIEWS / f"{name}.py",
                label=say("page.notes.lesson" if one.lesson else "page.notes.page"),
                icon=":material/visibility:",
                query_params=query,
            )


def where(one: Erratum) -> tuple[str, dict[str, str]]:
    """The page and its parameters that show it."""
    if one.lesson:
        lesson, _, step = one.lesson.partition(":")
        return "learn", {"lesson": lesson, "step": step}
    name, _, query = one.page.partition("?")
    return name, dict(part.split("=") for part in query.split("&") if part)


page()
