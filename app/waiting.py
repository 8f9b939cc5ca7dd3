"""What a person sees while a run is in line or at work, and when it fails."""

from __future__ import annotations

import streamlit as st

from app import runs
from app.controls import Selection
from app.jobs import Progress, QueueFull
from app.session import QUEUE, give_up, session_id, show, shown_key

REFRESH_SECONDS = 0.4


def run_to_show(selection: Selection, instruction: str, out_of_domain: str) -> runs.Run | None:
    """The run of the selection; while it is computed, the one on show before.

    Also fills the line under the headline: what to do, how far a run is, or why it failed. It
    is one line in each case, so that the picture keeps its place.
    """
    source, model = selection.source, selection.model
    run = runs.finished(source, model)
    if run is not None:
        show(run)
        foreign = source.group != "scene" and model.knows_scenes_only
        st.markdown(f":material/travel_explore: {out_of_domain}" if foreign else instruction)
        return run
    key = runs.key_of(source, model)
    progress = QUEUE.progress(key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, key)
    else:
        try:
            runs.request(source, model, session_id())
            waiting(key, source.title)
        except QueueFull as problem:
            st.markdown(f":material/groups: {problem}")
    return runs.find(shown_key())


@st.fragment(run_every=REFRESH_SECONDS)
def waiting(key: str, title: str) -> None:
    """Progress of a run, refreshed until it is over, with a way out."""
    progress = QUEUE.progress(key)
    if progress is None or progress.is_over:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(1.0, progress.index / max(1, progress.count)), text=say(progress, title))
        if st.button("Cancel", key="cancel", width=120, on_click=give_up, args=(key,)):
            st.rerun()


def failed(sentence: str, key: str) -> None:
    """One sentence on what went wrong, and a second chance."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(sentence, icon=":material/error:")
        if st.button("Try again", key="retry", width=120):
            QUEUE.forget(key)
            st.rerun()


def say(progress: Progress, title: str) -> str:
    """Progress in words: "A cat: 3rd in line", "A cat: encoder.2, 4 of 9"."""
    if progress.state == "waiting":
        place = "next" if progress.place == 1 else ordinal(progress.place)
        return f"{title}: {place} in line"
    counted = f", {progress.index + 1} of {progress.count}" if progress.count > 1 else ""
    return f"{title}: {progress.stage or 'starting'}{counted}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, .. 11th, .. 21st."""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
