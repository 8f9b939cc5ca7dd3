"""What people get wrong: 43 cards, each with a view that shows the truth."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import visitor, work
from app.waiting import answer_or_wait
from deformviz.walkthrough.myths import CARDS, Card
from deformviz.walkthrough.prose import read_prose

VIEWS = Path(__file__).parent
LINKS = {
    "walkthrough": "See it, step by step",
    "explore": "See it on a picture",
    "compare_attention": "See the nine taps on a picture",
    "dat": "Compare four codes, with the switch below the grid",
    "checkpoint": "See where training puts them at first",
}


def page() -> None:
    """The page, top to bottom."""
    visitor.note_unknown(visitor.asked(), ("myths_wish",))
    prose = read_prose("myths")
    st.title(prose.title, anchor=False)
    st.markdown(prose.introduction)
    wish = st.text_input(
        "Search",
        key="myths_wish",
        bind="query-params",
        max_chars=80,
        live=True,
        placeholder="padding, half precision, DAT …",
    )
    found = [card for card in CARDS if card.matches(wish or "")]
    st.caption(f"{len(found)} of {len(CARDS)} cards")
    if not found:
        nothing_found(wish)
    for first in range(0, len(found), 2):
        for column, card in zip(st.columns(2), found[first : first + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                show(card)


def nothing_found(wish: str) -> None:
    """What to try instead, and the way back to all cards."""

    def clear() -> None:
        st.session_state["myths_wish"] = ""

    st.info(
        f"No card speaks of “{wish}”. Try a single word, such as *offset*, *padding*, *bias* "
        "or *DAT*.",
        icon=":material/search_off:",
    )
    st.button("Show all cards", icon=":material/close:", key="clear_wish", on_click=clear)


def show(card: Card) -> None:
    """One card."""
    st.markdown(f"#### {card.number}. {card.title}")
    st.markdown(f"**Myth.** *{card.myth}*")
    st.markdown(card.answer)
    if card.view is not None:
        st.page_link(
            VIEWS / f"{card.view.page}.py",
            label=LINKS[card.view.page],
            icon=":material/visibility:",
            query_params=card.view.params,
        )
    if card.message is not None:
        with st.expander(
            "What deformviz itself says",
            icon=":material/terminal:",
            on_change="rerun",
            key=f"says_{card.number}",
        ) as says:
            if says.open:
                says_itself(card.number)
    st.caption(f"Guarded by `{card.test}`")


def says_itself(number: int) -> None:
    """What a worker is told when it provokes the case."""
    key = work.key_of("message", number)
    message: str | None = answer_or_wait(
        key,
        "Provoking it",
        lambda: work.kept(key),
        lambda: work.ask(key, "app.tasks.messages:message", (number,), visitor=visitor.me().name),
    )
    if message is not None:
        st.code(message, language=None, wrap_lines=True)


page()
