"""What people get wrong: 43 cards by topic; the answer and its proof open after a guess."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app import visitor, work
from app.waiting import answer_or_wait
from deformviz.walkthrough.myths import CARDS, TOPICS, Card
from deformviz.walkthrough.prose import read_prose
from deformviz.words import say
from deformviz.words.markdown import plain

VIEWS = Path(__file__).parent


def page() -> None:
    """The page, top to bottom."""
    visitor.note_unknown(visitor.asked(), ("myths_wish",))
    prose = read_prose("myths")
    st.title(prose.title, anchor=False)
    st.markdown(prose.introduction)
    wish = st.text_input(
        say("card.search"),
        key="myths_wish",
        bind="query-params",
        max_chars=80,
        live=True,
        placeholder=say("card.search.example"),
    )
    found = [card for card in CARDS if card.matches(wish or "")]
    st.caption(say("card.count", found=len(found), all=len(CARDS)))
    if not found:
        nothing_found(wish)
    for topic in TOPICS:
        if cards := [card for card in found if card.topic == topic]:
            st.subheader(say(f"card.topic.{topic}"), anchor=topic)
            side_by_side(cards, opened=bool(wish))


def side_by_side(cards: Sequence[Card], *, opened: bool) -> None:
    """Two cards in a row; those that a search found lie open."""
    for first in range(0, len(cards), 2):
        for column, card in zip(st.columns(2), cards[first : first + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                show(card, opened=opened)


def nothing_found(wish: str) -> None:
    """What to try instead, and the way back to all cards."""

    def clear() -> None:
        st.session_state["myths_wish"] = ""

    st.info(say("card.none", wish=plain(wish)), icon=":material/search_off:")
    st.button(say("card.none.back"), icon=":material/close:", key="clear_wish", on_click=clear)


def show(card: Card, *, opened: bool) -> None:
    """One card: what people say, and folded away what is true and how that is known."""
    st.markdown(f"#### {card.number}. {card.title}")
    st.markdown(say("card.myth", myth=card.myth))
    with st.expander(say("card.guess"), icon=":material/psychology_alt:", expanded=opened):
        st.markdown(card.answer)
        if card.view is not None:
            st.page_link(
                VIEWS / f"{card.view.page}.py",
                label=say(f"card.link.{card.view.link or card.view.page}"),
                icon=":material/visibility:",
                query_params=card.view.params,
            )
        if card.message is not None:
            with st.expander(
                say("card.itself"),
                icon=":material/terminal:",
                on_change="rerun",
                key=f"says_{card.number}",
            ) as says:
                if says.open:
                    says_itself(card.number)
        st.caption(say("card.guarded", test=card.test))


def says_itself(number: int) -> None:
    """What a worker is told when it provokes the case."""
    key = work.key_of("message", number)
    message: str | None = answer_or_wait(
        key,
        say("card.itself.wait"),
        lambda: work.kept(key),
        lambda: work.ask(key, "app.tasks.messages:message", (number,), visitor=visitor.me().name),
    )
    if message is not None:
        st.code(message, language=None, wrap_lines=True)


page()
