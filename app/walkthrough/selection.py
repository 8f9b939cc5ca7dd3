"""One query for Explore and the equations: picked on one page, it is followed on the other.

Picture, model and layer are shared by all pages of a room already; a query means something for
one picture, one model and one part of it (tokens of the encoder, or queries of the decoder).
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import visitor
from deformviz.walkthrough.change import Change
from deformviz.walkthrough.subject import Subject

OF_A_QUERY = ("query", "pinned", "lookup", "q", "pin", "at", "layer", "source", "params")


def arrive(subject: Subject, *, asked: bool) -> Subject:
    """The subject as one comes to the page: with the query that Explore shows, if from there.

    Args:
        asked: whether a link has named the query; it then stays.
    """
    state = st.session_state
    explored = _explored_query()
    if asked:
        return subject
    if explored is not None:
        return (
            subject
            if explored == subject.query
            else replace(subject, query=explored, change=Change())
        )
    if state.get("walk_of", _part()) != _part():
        return replace(subject, query=None, change=Change())
    return subject


def hand_over(run_key: str, query: int) -> None:
    """Let Explore begin with this query when it is opened next."""
    state = st.session_state
    state["walk_query"] = query
    state["walk_of"] = _part()
    kept = {
        name: value for name, value in visitor.here().start_view.items() if name not in OF_A_QUERY
    }
    visitor.change_here(start_view=kept | {"query": query, "pinned": True}, start_view_of=run_key)


def _explored_query() -> int | None:
    """The query that Explore's canvas showed last, told once."""
    number = visitor.here().view_params.get("q", "")
    visitor.change_here(view_params={})
    return int(number) if number.isdecimal() else None


def _part() -> tuple[str, str, str]:
    """What a query belongs to: the picture, the model, and its encoder or decoder."""
    here = visitor.here()
    return here.picture, here.model, here.layer.split(".")[0]
