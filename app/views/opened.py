"""Panels below a picture that are opened by choice; the address says which are open."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import visitor


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
