"""Choices of widgets that stand in the address: a link sets them, and what is chosen it says.

A page calls `begin` before it reads the address, gives each such widget `choice(..)` as what is
called when it changes, and adds `said()` to the address it writes. What is usual is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st

from app import visitor
from deformviz.words import say
from deformviz.words.markdown import plain

KEPT = "linked"  # page -> name in the address -> what it says
HERE = "linked_page"
FRESH = "linked_fresh"  # names that a link has just said, which nobody has looked at yet


def begin(page: str, names: Iterable[str]) -> None:
    """Take what a link says of these names; a link without one of them asks for what is usual."""
    state = st.session_state
    state[HERE] = page
    state.setdefault(KEPT, {}).setdefault(page, {})
    if link := visitor.asked():
        state[KEPT][page] = {name: link[name] for name in names if name in link}
        state[FRESH] = set(state[KEPT][page])


def said() -> dict[str, str]:
    """What the address says of this page's widgets."""
    return dict(_kept())


def choice(
    name: str,
    key: str,
    usual: Any,
    read: Callable[[str], Any],
    write: Callable[[Any], str] = str,
) -> Callable[[], None]:
    """Give a widget that is drawn next its value; returns what keeps another one.

    Args:
        name: in the address.
        key: of the widget.
        usual: what it shows where no link and nobody says otherwise.
        read: a value from its text; KeyError or ValueError where there is none such.
    """
    state, kept = st.session_state, _kept()
    value = usual
    if name in kept:
        try:
            value = read(kept[name])
        except (KeyError, ValueError):
            text = kept.pop(name)
            if name in state.get(FRESH, ()):
                instead = say("link.usual")
                visitor.note(say("link.asked", what=name, value=plain(text), instead=instead))
    state.get(FRESH, set()).discard(name)
    state[key] = value

    def keep() -> None:
        if state[key] == usual or state[key] is None:
            _kept().pop(name, None)
        else:
            _kept()[name] = write(state[key])

    return keep


def one_of(options: Sequence[Any], write: Callable[[Any], str] = str) -> Callable[[str], Any]:
    """How one of some options is read from its text."""
    known = {write(option): option for option in options}
    return lambda text: known[text]


def _kept() -> dict[str, str]:
    state = st.session_state
    return state.setdefault(KEPT, {}).setdefault(state.get(HERE, ""), {})
