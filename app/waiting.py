"""What a person sees while something is in line or at work, and when it fails: one display for all.

A page asks at the door, shows this in place of the answer, and runs again once there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from app import visitor, work
from app.line import Progress, QueueFull
from deformviz.words import say
from deformviz.words.markdown import plain, quoting

REFRESH_SECONDS = 0.4
Answer = TypeVar("Answer")


def answer_or_wait(
    key: str,
    title: str,
    find: Callable[[], Answer | None],
    ask: Callable[[], Any],
    *,
    give_up: Callable[[str], None] | None = None,
) -> Answer | None:
    """The answer; else it is asked for, and this line says how far it is or why it failed.

    Args:
        key: of the answer, at the door.
        title: what is being waited for, in words.
        find: looks for the answer.
        ask: puts it in line; may raise QueueFull.
        give_up: what the Cancel button does with the key; leaves the line by default.
    """
    found = find()
    if found is not None:
        return found
    progress = work.progress(key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, key)
        return None
    try:
        ask()
    except QueueFull as problem:
        st.markdown(f":material/groups: {quoting(str(problem))}")
        return None
    waiting(key, title, give_up)
    return None


@st.fragment(run_every=REFRESH_SECONDS)
def waiting(key: str, title: str, give_up: Callable[[str], None] | None = None) -> None:
    """Progress of a job, refreshed until it is over, with a way out."""
    progress = work.progress(key)
    if progress is None or progress.is_over:
        st.rerun()

    def leave() -> None:
        if give_up is None:
            work.leave(key, visitor.me().name)
        else:
            give_up(key)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        bar(progress, title)
        if st.button("Cancel", key=f"cancel_{key}", width=120, on_click=leave):
            st.rerun()


def bar(progress: Progress, title: str) -> None:
    """How far it is, in a bar and in words, which may name a file or a layer of strangers."""
    st.progress(progress.share, text=plain(in_words(progress, title)))


def failed(sentence: str, key: str) -> None:
    """One sentence on what went wrong, and a second chance."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(quoting(sentence), icon=":material/error:")
        if st.button("Try again", key=f"retry_{key}", width=120):
            work.forget(key)
            st.rerun()


def in_words(progress: Progress, title: str) -> str:
    """Progress in words: "A cat: 3rd in line", "A cat: encoder.2, 4 of 9", "weighing, 3 %"."""
    if progress.state == "waiting":
        if progress.place == 1:
            return say("waiting.next", title=title)
        return say("waiting.place", title=title, place=ordinal(progress.place))
    if not progress.stage:
        return say("waiting.starting", title=title)
    if progress.count == 100:
        counted = f", {progress.index} %"
    else:
        counted = f", {progress.index + 1} of {progress.count}" if progress.count > 1 else ""
    return say("waiting.stage", title=title, stage=progress.stage + counted)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, .. 11th, .. 21st."""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
