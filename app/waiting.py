"""What a person sees while a run is in line or at work, and when it fails."""

from __future__ import annotations

import streamlit as st

from app.jobs import Progress
from app.session import QUEUE, give_up

REFRESH_SECONDS = 0.4


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
