"""Survey: what a model does over many pictures, head by head."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import visitor
from app.canvas.kinds import ATLAS, mount_picture
from app.surveys import KnownStudy, group_names, list_surveys
from app.views import survey_parts
from deformviz.survey.sums import ALL
from deformviz.words import has, say
from deformviz.words.markdown import plain, visible

NOBODY = ""
LINK = {"survey": "survey", "other_survey": "with", "survey_group": "group"}
OF_CANVAS = ("q", "pin", "level")
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.st-key-atlas_canvas { min-height: 30rem; }
</style>"""


def page() -> None:
    """The page, top to bottom."""
    known = list_surveys()
    st.html(STYLE)
    if not known:
        st.info(say("page.survey.none"), icon=":material/query_stats:")
        return
    read_link(known)
    with st.sidebar:
        chosen, other = choose(known)
    st.title(say("page.survey.headline"), anchor=False)
    names = survey_parts.or_sentence(lambda: group_names(chosen))
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(say("page.survey.instruction"), width="stretch")
        group = choose_group(names)
    view = canvases(chosen, other, group)
    write_link(view)
    query = view["query"] if view.get("pinned") else None
    survey_parts.verdict_list(chosen, go_to=show_head)
    if other is not None:
        survey_parts.changes(chosen, other)
    survey_parts.layer_charts(chosen, group)
    survey_parts.head_panel(chosen, group, query)
    survey_parts.farthest(chosen)
    survey_parts.take_along(chosen)


def read_link(known: dict[str, KnownStudy]) -> None:
    """Take studies, group and view from a link, and note what is not here."""
    me, link = visitor.me(), visitor.asked()
    visitor.note_unknown(link, (*LINK.values(), *OF_CANVAS))
    wanted = link.get("survey", me.survey)
    if wanted not in known:
        if wanted:
            visitor.note(say("page.survey.no_study"))
        wanted = next(iter(known))
    other = link.get("with", me.other_survey)
    if other and (other not in known or other == wanted):
        visitor.note(say("page.survey.no_study"))
        other = NOBODY
    visitor.change(survey=wanted, other_survey=other)
    if link:
        visitor.change(survey_group=link.get("group", ALL), written=link)
        if any(name in link for name in OF_CANVAS):
            ask_view({name: link[name] for name in OF_CANVAS if name in link})


def ask_view(view: dict[str, str]) -> None:
    """Have the canvas show something else at the next drawing."""
    state = st.session_state
    state["atlas_view"] = view
    state["atlas_asked"] = state.get("atlas_asked", 0) + 1


def show_head(number: int) -> None:
    """Pin the map of a head, among those of all queries."""
    visitor.change(survey_group=ALL)
    ask_view({"q": str(number), "pin": "1"})


def write_link(view: dict[str, Any]) -> None:
    """Keep the address in step, so that copying it copies the view."""
    me = visitor.me()
    kept = {short: getattr(me, name) for name, short in LINK.items()}
    if kept["group"] == ALL:
        kept["group"] = ""
    params = view.get("params")
    if params is None:
        return
    visitor.write({**{name: value for name, value in kept.items() if value}, **params})


def choose(known: dict[str, KnownStudy]) -> tuple[KnownStudy, KnownStudy | None]:
    """A study, and one beside it."""
    select(
        "survey", say("page.survey.choose"), list(known), lambda name: visible(known[name].title)
    )
    me = visitor.me()
    others = [NOBODY, *(name for name in known if name != me.survey)]
    if me.other_survey not in others:
        visitor.change(other_survey=NOBODY)
    if len(others) > 1:
        select(
            "other_survey",
            say("page.survey.compare"),
            others,
            lambda name: visible(known[name].title) if name else say("page.survey.alone"),
        )
    me = visitor.me()
    st.caption(survey_parts.about(known[me.survey]))
    return known[me.survey], known.get(me.other_survey)


def choose_group(names: list[str]) -> str:
    """Whose queries: all, by size, by rightness, by class."""
    if visitor.me().survey_group not in names:
        if visitor.me().survey_group != ALL:
            visitor.note(say("page.survey.no_group", group=plain(visitor.me().survey_group)))
        visitor.change(survey_group=names[0])
    select("survey_group", say("page.survey.group"), names, in_words, width=240)
    return visitor.me().survey_group


def in_words(group: str) -> str:
    """A group as a person reads it, where nothing is marked up."""
    if has(key := f"page.survey.group.{group.replace(' ', '_').lower()}"):
        return say(key)
    return visible(group.partition(" ")[2])


def select(name: str, label: str, options: list[str], format_func, **more: Any) -> None:
    """A choice kept with the visitor: the widget forgets itself on other pages."""
    state, key = st.session_state, f"{name}_widget"
    state[key] = getattr(visitor.me(), name)

    def take() -> None:
        visitor.change(**{name: state[key]}, notes=())

    st.selectbox(label, options, key=key, format_func=format_func, on_change=take, **more)


def canvases(chosen: KnownStudy, other: KnownStudy | None, group: str) -> dict[str, Any]:
    """The head atlas, or two of them; returns the view of the first."""
    if other is None:
        return atlas(chosen, group, "atlas")
    first, second = st.columns(2, gap="medium")
    with first:
        st.markdown(f"**{plain(chosen.title)}**")
        view = atlas(chosen, group, "atlas")
    with second:
        st.markdown(f"**{plain(other.title)}**")
        names = survey_parts.or_sentence(lambda: group_names(other)) or []
        if group in names:
            atlas(other, group, "atlas_beside")
        elif names:
            st.caption(say("page.survey.no_group", group=plain(in_words(group))))
    return view


def atlas(known: KnownStudy, group: str, key: str) -> dict[str, Any]:
    """The maps of a group of one study; returns what the canvas reported of them, {} before."""
    state = st.session_state
    number = group_names(known).index(group)
    trace_url = f"survey/{known.key}/{number}.bin"
    view_id = f"{state.get('atlas_asked', 0)}"
    with st.container(key=f"{key}_canvas"):
        reported = mount_picture(
            ATLAS,
            trace_url=trace_url,
            picture_url="",
            title=known.title,
            view=state.get("atlas_view", {}),
            view_id=view_id,
            key=key,
        ).view
    return visitor.on_show(reported, trace_url, view_id)


page()
