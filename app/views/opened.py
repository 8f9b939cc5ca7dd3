"""Panels below a picture that are opened by choice; the address says which are open."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import controls, visitor, work
from app.tasks.pictures import Seen
from app.waiting import answer_or_wait


def panel(name: str, title: str, icon: str) -> Any | None:
    """An expander, where it is open; nothing is computed before somebody opens it.

    Args:
        name: what an address calls it, in `open`.
    """
    key = f"panel_{name}"
    others = [each for each in visitor.here().open.split(",") if each not in ("", name)]
    is_open = name in visitor.here().open.split(",")
    st.session_state[key] = is_open

    def take() -> None:
        names = [*others, name] if st.session_state[key] else others
        visitor.change_here(open=",".join(names))

    expander = st.expander(title, icon=icon, key=key, on_change=take)
    return expander if is_open else None


def computed(what: str, task: str, selection: controls.Selection) -> Any | None:
    """What a panel shows of the chosen model on the chosen picture; None while it is computed.

    Args:
        what: names the answer among those of the same model and picture.
        task: a function of a Task, a `Seen`, the model's path and its stamp.
    """
    source, model = selection.source, selection.model
    key = work.key_of(what, model.path, model.stamp, source.content())
    return answer_or_wait(
        key,
        model.title,
        lambda: work.kept(key),
        lambda: work.ask(
            key,
            task,
            (Seen(source.told, source.read()), model.path, model.stamp),
            visitor=visitor.me().name,
        ),
    )
