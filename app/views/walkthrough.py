"""The equations, step by step: every symbol with this query's own numbers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from app import controls, runs, visitor, work
from app.canvas.kinds import mount_equations
from app.line import QueueFull
from app.rooms import ROOMS
from app.tasks.equations import Page
from app.walkthrough.selection import arrive, hand_over
from deformviz.walkthrough.change import Change, read_change
from deformviz.walkthrough.costs import settle
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.prose import read_prose
from deformviz.walkthrough.subject import ADDRESS, TOY, Subject, read_subject, to_address
from deformviz.words import say, spoken
from deformviz.words.markdown import quoting

STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 2.5vw, 2.5rem); max-width: 96rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.st-key-walkthrough { min-height: 30rem; }
.st-key-walk_example button { min-height: 2.5rem; }     /* as high as the choices beside it */
</style>"""
EXAMPLES = {"": "picture", TOY: "toy"}  # to their words, `page.walkthrough.example.<name>`
LOG = logging.getLogger(__name__)
RIGHT = ""  # no mistake


@dataclass(frozen=True)
class Unfollowed:
    """A subject nobody could follow, for the choices that lead to another one."""

    subject: Subject
    layers: tuple[str, ...] = ()
    queries: int = 1


def page() -> None:
    """The page, top to bottom."""
    models = runs.list_models(visitor.me().room)
    link = visitor.asked()
    visitor.read_address(list(models))
    read_link(link)
    with st.sidebar:
        selection = controls.select(visitor.sources(), models)
    st.html(STYLE)
    st.title(say("page.walkthrough.headline"), anchor=False)
    controls.row_of_pictures(visitor.sources(), selection.model)
    st.caption(say("page.walkthrough.instruction"))
    stage(selection)


def read_link(asked: dict[str, str]) -> None:
    """Take the subject from the address where that says something new."""
    state = st.session_state
    if "walk" in state and not set(asked) & set(ADDRESS):
        state["walk"] = arrive(state["walk"], asked=False)
        return
    subject, step, notes = read_subject(asked)
    for note in notes:
        visitor.note(note)
    state["walk"], state["walk_step"] = arrive(subject, asked="query" in asked), step
    state["walk_link"] = state.get("walk_link", 0) + 1


@st.fragment
def stage(selection: controls.Selection) -> None:
    """Choices, the derivation, and what if."""
    state = st.session_state
    choices = st.container()
    subject: Subject = replace(state["walk"], layer=visitor.here().layer or "decoder.0")
    with st.spinner(say("page.walkthrough.loading"), show_time=False):
        found = followed(subject, selection)
    if isinstance(found, str):
        return offer_another(choices, subject, found)
    run_key = shown_run(selection)
    state["walk"] = found.subject
    if found.subject.record.follows_the_detector and not found.subject.is_toy:
        visitor.change_here(layer=found.subject.layer)
        hand_over(run_key, found.subject.query or 0)
    else:  # their queries mean nothing elsewhere
        state["walk"] = replace(found.subject, query=subject.query, mistake=subject.mistake)
    with choices:
        choose(found)
    view_id = f"{found.subject.derivation}|{found.subject.example}|{state['walk_link']}"
    mount_equations(
        with_picture(found.shown, f"picture/{run_key}.jpg"),
        step=state["walk_step"],
        view_id=view_id,
        key="walkthrough",
        on_at=take_report,
        on_moved=take_move,
        on_query=take_query,
        on_sizes=take_sizes,
        on_change=take_change,
    )
    write_address()


def followed(subject: Subject, selection: controls.Selection) -> Page | str:
    """The subject, followed, or the sentence that says why it could not be."""
    key = work.key_of(
        "equations",
        subject,
        selection.model.path,
        selection.model.stamp,
        selection.source.content(),
        spoken(),
    )
    given = (
        subject,
        selection.source.read(),
        selection.model.path,
        selection.model.stamp,
        spoken(),
    )
    try:
        work.ask(key, "app.tasks.equations:follow", given, visitor=visitor.me().name)
    except QueueFull as problem:
        return str(problem)
    ended = work.wait(key)
    found = work.kept(key)
    if isinstance(found, Page):
        return found
    if ended is None or not ended.error:
        return say("page.walkthrough.gone")
    LOG.info("%s was not followed: %s", subject, ended.error)
    return ended.error


def with_picture(shown: dict[str, Any], url: str) -> dict[str, Any]:
    """What is drawn, with the address of the picture; the toy has none."""
    pictures = [
        picture if picture["cells"] else picture | {"url": url} for picture in shown["pictures"]
    ]
    return shown | {"pictures": pictures}


def offer_another(choices, subject: Subject, problem: str) -> None:
    """Say in one sentence why there is nothing to see, and leave every way out open."""
    with choices:
        choose(Unfollowed(subject))
    st.error(quoting(problem), icon=":material/error:")
    st.button(say("page.walkthrough.restart"), icon=":material/restart_alt:", on_click=start_over)


def start_over() -> None:
    """The subject that the page begins with."""
    st.session_state["walk"], st.session_state["walk_step"] = Subject(), ""
    visitor.change_here(layer=Subject().layer)


def shown_run(selection: controls.Selection) -> str:
    """The key of what Explore shows of this picture, under which the picture is served too."""
    run = runs.finished(selection.source, selection.model)
    if run is not None:
        return run.key
    return runs.request(selection.source, selection.model, visitor.me().name).key


# -- choices ---------------------------------------------------------------------------------


def change(**values) -> None:
    """Replace fields of the subject; a new derivation starts at its own first step."""
    state, before = st.session_state, st.session_state["walk"]
    if values.get("query", before.query) != before.query:  # places of one query, not of another
        values = {"change": replace(before.change, moved=())} | values
    if "derivation" in values and of_own(values["derivation"]) != of_own(before.derivation):
        values["query"] = None if of_own(values["derivation"]) else state.get("walk_query")
    state["walk"] = replace(before, **values)
    if "derivation" in values or "example" in values:
        state["walk_step"] = ""


def of_own(derivation: str) -> bool:
    """Whether a derivation follows a model and queries of its own."""
    return bool(DERIVATIONS[derivation].own_model)


def chooser(name: str, key: str | None = None):
    """A callback that takes a widget's value into the subject."""
    return lambda: change(**{name: st.session_state[key or f"walk_{name}"]})


def choose(found) -> None:
    """The row of choices above the derivation."""
    state, subject = st.session_state, found.subject
    for name in ("derivation", "example", "mistake"):
        state[f"walk_{name}"] = getattr(subject, name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            say("page.walkthrough.derivation"),
            list(DERIVATIONS),
            format_func=lambda name: DERIVATIONS[name].title,
            key="walk_derivation",
            on_change=chooser("derivation"),
            width=300,
        )
        if subject.record.toy:
            st.segmented_control(
                say("page.walkthrough.example"),
                list(EXAMPLES),
                format_func=lambda name: say(f"page.walkthrough.example.{EXAMPLES[name]}"),
                key="walk_example",
                on_change=chooser("example"),
                required=True,
                width=250,
            )
        if subject.needs_picture:
            choose_query(found)
        if subject.record.mistakes:
            st.selectbox(
                say("page.walkthrough.break"),
                [RIGHT, *subject.record.mistakes],
                format_func=title_of_mistake,
                key="walk_mistake",
                on_change=chooser("mistake"),
                width=200,
            )
    if subject.mistake:
        st.markdown(read_prose("mistakes").sections[subject.mistake])


def title_of_mistake(name: str) -> str:
    """What the switch says."""
    return MISTAKES[name].title if name else say("mistake.none")


def choose_query(found) -> None:
    """Layer and query by their numbers; the picture chooses a query with a click."""
    state, subject = st.session_state, found.subject
    state["walk_layer"], state["walk_number"] = subject.layer, subject.query

    def take_layer() -> None:
        layer = visitor.change_here(layer=state["walk_layer"]).layer
        same_kind = layer.split(".")[0] == subject.layer.split(".")[0]
        change(query=subject.query if same_kind else None, change=Change())

    if len(found.layers) > 1:
        label = say("page.walkthrough.layer")
        st.selectbox(label, found.layers, key="walk_layer", on_change=take_layer, width=120)
    if found.queries > 1:
        st.number_input(
            say("page.walkthrough.query"),
            0,
            found.queries - 1,
            step=1,
            key="walk_number",
            on_change=chooser("query", "walk_number"),
            width=110,
        )


# -- what the component reports --------------------------------------------------------------


def take_report() -> None:
    """A step or a sample was chosen."""
    state = st.session_state
    if at := state["walkthrough"].at:
        state["walk_step"] = str(at["step"])
        subject = state["walk"]
        sample = {name: int(at[name]) for name in ("head", "level", "point")}
        if sample != {name: getattr(subject, name) for name in sample}:
            change(**sample)


def take_move() -> None:
    """A sample was dragged: that is an edit."""
    state = st.session_state
    if moved := state["walkthrough"].moved:
        now = state["walk"].change
        others = dict(now.moved) | {tuple(moved["sample"]): tuple(map(float, moved["place"]))}
        change(change=replace(now, moved=tuple(others.items())))


def take_change() -> None:
    """A slider of "what if" was moved, or everything is put back (an empty wish)."""
    wanted = st.session_state["walkthrough"].change
    if wanted is not None:
        now = st.session_state["walk"].change
        change(change=read_change(wanted["sliders"], now) if wanted["sliders"] else Change())


def take_query() -> None:
    """A cell or a box of the picture was chosen, to let it ask."""
    if wanted := st.session_state["walkthrough"].query:
        change(query=max(0, int(wanted["query"])))


def take_sizes() -> None:
    """A slider of the costs came to rest."""
    if (wanted := st.session_state["walkthrough"].sizes) and (sizes := settle(wanted)):
        change(sizes=sizes)


def write_address() -> None:
    """Keep the address in step, so that copying it copies the view."""
    state = st.session_state
    wanted = to_address(state["walk"], state["walk_step"])
    here = visitor.here()
    wanted |= {"picture": here.picture, "layer": here.layer}
    if here.model != ROOMS[visitor.me().room].shipped:
        wanted["model"] = here.model
    visitor.write(wanted)


page()
