"""What the server remembers of one visitor: one frozen record, and what the address says of it.

Widgets keep their own values under their own keys; everything else is here. Nothing of it is
shared, and nothing is an array: names and keys only, and where the visitor's own files lie.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import work
from app.rooms import ROOMS, SAMPLING, first_picture
from app.second import PICTURE, Second
from app.sources import UPLOAD, Source, list_sources
from deformviz.words import best_language, say
from deformviz.words.markdown import plain

LONGEST_VALUE = 200
OURS = ("picture", "model", "layer", "beside", "open")  # all other parameters belong to the canvas
OF_A_QUERY = ("query", "pinned", "lookup", "source", "params", "layer", "view_id", "q", "pin", "at")
LANGUAGE = "lang"  # in the address of any page
FIGURE = "figure"  # in the address of a page whose picture is shown as a figure, too
RECORD = "visitor"  # the one key of ours in Streamlit's session


@dataclass(frozen=True)
class Shown:
    """A picture on show, to return to when something newer is given up."""

    picture: str
    model: str
    key: str  # of the run
    title: str  # as this visitor's file was called; others may have the same under another name


@dataclass(frozen=True)
class Here:
    """What is chosen in one room. Raises ValueError for a name no address could carry."""

    picture: str = ""
    model: str = ""
    layer: str = ""
    beside: str = ""  # what stands beside the picture, as `app.second` reads it; "": nothing
    open: str = ""  # names of the panels below the picture that are open
    link_view: Mapping[str, str] = field(default_factory=dict)  # what the link said of the canvas
    start_view: Mapping[str, Any] = field(default_factory=dict)  # what the canvas begins with ..
    start_view_of: str | None = None  # .. for this run
    view_params: Mapping[str, str] = field(default_factory=dict)  # what the canvas reported last
    shown: Shown | None = None

    def __post_init__(self):
        for name in OURS:
            _check_short(name, getattr(self, name))


@dataclass(frozen=True)
class Visitor:
    """Everything that is remembered of one visitor. Raises ValueError for what cannot be."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex)  # in the line
    room: str = SAMPLING
    rooms: Mapping[str, Here] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a link asked for in vain
    written: Mapping[str, str] = field(default_factory=dict)  # the address as we wrote it last
    links: int = 0  # followed so far, with Back too: each begins a view of its own
    own_picture: Source | None = None
    own_checkpoints: Mapping[str, Any] = field(default_factory=dict)  # by name
    own_recordings: Mapping[str, Path] = field(default_factory=dict)  # dropped ones, by name
    recording: str = ""  # the one that is open ..
    recording_layer: str = ""  # .. at this layer
    recording_view: Mapping[str, str] = field(default_factory=dict)  # what its link said
    recording_calls: bool = False  # whether it was dropped elsewhere and waits on its page
    study_room: str = SAMPLING  # whose answers are traced back
    run: str = ""  # the training that is replayed ..
    other_run: str = ""  # .. and the one beside it
    checkpoint: str = ""
    other_checkpoint: str = ""
    survey: str = ""  # the study of many pictures that is shown ..
    other_survey: str = ""  # .. and the one beside it
    survey_group: str = "all"  # whose queries its maps are of
    lesson: str = "bill"  # whose steps are walked on the page Learn ..
    lesson_step: str = ""  # .. to this one; "": its first
    lesson_done: tuple[str, ...] = ()  # steps behind the visitor
    teaching: bool = False  # in front of a class: large, and little else
    language: str = ""  # chosen in a link or on a page; "": the browser's
    choosing_published: bool = False  # whether the list of published models is open
    wanted_model: str = ""  # the published model that is on its way
    figure: str = ""  # for a paper, that is open below the picture of ..
    figure_page: str = ""  # .. this page
    drops: int = 0  # files dropped so far: each gets a fresh widget

    def __post_init__(self):
        for name in ("room", "study_room"):
            if getattr(self, name) not in ROOMS:
                raise ValueError(f"{name} is {getattr(self, name)!r}; rooms: {', '.join(ROOMS)}.")
        names = "run other_run checkpoint other_checkpoint survey other_survey survey_group lesson"
        for name in (*names.split(), "lesson_step", "recording", "recording_layer", "figure"):
            _check_short(name, getattr(self, name))

    @property
    def here(self) -> Here:
        return self.rooms.get(self.room, Here())


def _check_short(name: str, value: str) -> None:
    if len(value) > LONGEST_VALUE:
        raise ValueError(f"{name} has {len(value)} characters; at most {LONGEST_VALUE} are kept.")


def me() -> Visitor:
    """The visitor of this run."""
    state = st.session_state
    if RECORD not in state:
        state[RECORD] = Visitor()
    visitor: Visitor = state[RECORD]
    context = get_script_run_ctx()
    if context is not None:
        _connections[visitor.name] = context.session_id
    return visitor


def change(**values: Any) -> Visitor:
    """Remember something else."""
    st.session_state[RECORD] = replace(me(), **values)
    return st.session_state[RECORD]


def here() -> Here:
    """What is chosen in the room of this run."""
    return me().here


def change_here(*, room: str = "", **values: Any) -> Here:
    """Choose something else in a room, this run's by default."""
    visitor = me()
    room = room or visitor.room
    chosen = replace(visitor.rooms.get(room, Here()), **values)
    change(rooms={**visitor.rooms, room: chosen})
    return chosen


def enter(room: str) -> None:
    """Go to the pages of a room: what was chosen in it before is there."""
    if me().room != room:
        change(room=room)


def room() -> str:
    """The room of a page that belongs to none: the one the visitor comes from."""
    return me().room


# -- pictures ------------------------------------------------------------------------------------


def sources() -> dict[str, Source]:
    """Every picture this visitor can choose here, their own among them."""
    own = me().own_picture
    return list_sources(ROOMS[me().room].stored()) | ({UPLOAD: own} if own else {})


def choose_picture(name: str) -> None:
    """Make a picture the chosen one; what was wrong with the link is past."""
    change_here(picture=name)
    change(notes=())


def show(run: Any) -> None:
    """Remember what is on show."""
    now = here()
    change_here(shown=Shown(now.picture, now.model, run.key, run.title))


def give_up(key: str) -> None:
    """Leave the line and return to what was shown before, or to the first picture."""
    work.leave(key, me().name)
    before = here().shown
    if before is None:
        change_here(picture=first_picture(sources()))
    else:
        change_here(picture=before.picture, model=before.model)


def start_view(run_key: str, component: str) -> dict[str, Any]:
    """What the canvas shows of a run at first: the link's view, later the choices made so far.

    A query of one picture means nothing in the next, so it is left behind.
    """
    now = here()
    if now.start_view_of != run_key:
        chosen = getattr(st.session_state.get(component), "view", None) or now.start_view
        kept = {name: value for name, value in chosen.items() if name not in OF_A_QUERY}
        first = now.start_view_of is None  # for a visitor, or after a link
        now = change_here(start_view=now.link_view if first else kept, start_view_of=run_key)
    return dict(now.start_view)


def begin_with(view: Mapping[str, str]) -> None:
    """What a canvas shows to whoever comes without a wish for its view."""
    now = here()
    if now.start_view_of is None and not now.link_view:
        change_here(link_view=dict(view))


def view_id(run_key: str) -> str:
    """What a canvas reads its view anew for: another run, or another link."""
    return f"{run_key}.{me().links}"


def on_show(view: dict[str, Any] | None, trace_url: str, wanted: str) -> dict[str, Any]:
    """The view a canvas reported of a layer; {} while it still shows another one.

    Back changes the address first; what is reported of the view before must not undo it.
    """
    told = view or {}
    is_new = (told.get("source", trace_url), told.get("view_id", wanted)) == (trace_url, wanted)
    return told if is_new else {}


# -- the language -------------------------------------------------------------------------------


def language() -> str:
    """What this visitor reads: chosen in a link or on a page, else as the browser says."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ""
    chosen = st.session_state[RECORD].language if RECORD in st.session_state else ""
    return chosen or best_language(st.context.locale or "")


def choose_language(language: str) -> None:
    """Speak another language from now on, in the address too."""
    change(language=language)
    st.query_params[LANGUAGE] = language


def read_language() -> None:
    """Take the language from a link."""
    asked_for = st.query_params.get(LANGUAGE, "")
    if asked_for and best_language(asked_for) != me().language:
        change(language=best_language(asked_for))


# -- the address ---------------------------------------------------------------------------------


def note(text: str) -> None:
    """Say what a link asked for in vain; it stays until another picture is chosen."""
    if text not in me().notes:
        change(notes=(*me().notes, text))


def note_unknown(link: Mapping[str, str], known: Iterable[str]) -> None:
    """Say which parts of a link mean nothing on a page."""
    for name in sorted(set(link) - set(known)):
        note(say("link.parameter", name=plain(name)))


def follow_link() -> None:
    """Begin anew with what the address says; notes were of another link."""
    change(notes=(), links=me().links + 1)


def asked() -> dict[str, str]:
    """What the address says that we have not written into it ourselves."""
    found = {name: value[:LONGEST_VALUE] for name, value in st.query_params.to_dict().items()}
    for name in (LANGUAGE, FIGURE):  # of every page
        found.pop(name, None)
    return {} if found == me().written else found


def write(wanted: Mapping[str, str]) -> None:
    """Have the address say this and nothing else, so that copying it copies the view."""
    ours = {LANGUAGE: me().language, FIGURE: me().figure}
    whole = {**wanted, **{name: value for name, value in ours.items() if value}}
    if st.query_params.to_dict() != whole:
        st.query_params.from_dict(whole)
    if me().written != wanted:
        change(written=dict(wanted))


def read_address(models: list[str]) -> None:
    """Take picture, model, layer and view from a link, and note what is not here."""
    now, link, known = here(), asked(), sources()
    whole = {"picture", "layer"} <= set(link)  # as we write it ourselves: what it omits is usual
    known_model = now.model in models and not whole  # a file may have left the folder
    model = now.model if known_model else models[0]
    picture = now.picture if now.picture in known else first_picture(known)
    change_here(picture=picture, model=model)
    if not link:
        return
    change(written=link)
    if link.get("picture", picture) in known:
        picture = link.get("picture", picture)
    else:
        note(say("link.own_picture" if link["picture"] == UPLOAD else "link.picture"))
    if link.get("model", model) in models:
        model = link.get("model", model)
    else:
        note(say("link.model" if ROOMS[me().room].takes_files else "link.only_shipped"))
    view = {name: value for name, value in link.items() if name not in OURS}
    change_here(
        picture=picture,
        model=model,
        layer=link.get("layer", now.layer),
        beside=_beside(link, models),
        open=link.get("open", ""),
        link_view=view,
        start_view_of=None,
    )


def _beside(link: Mapping[str, str], models: list[str]) -> str:
    """What a link shows beside the picture, where it is here."""
    second = Second.read(link.get("beside", ""))
    if second.is_here(models, sources()):
        return second.text
    note(say("link.picture" if second.kind == PICTURE else "link.model"))
    return ""


def settle_layer(layers: tuple[str, ...]) -> str:
    """Make sure the chosen layer is one of `layers`, by default the last, and say if it was not."""
    now = here()
    if now.layer in layers:
        return now.layer
    if now.layer and now.start_view_of is None:
        note(say("link.layer"))
    return change_here(layer=layers[-1]).layer


def write_view(view_params: Mapping[str, str] | None, default_model: str) -> None:
    """Keep the address in step with the canvas; before it has told its view, it stays as it is."""
    if view_params is None:
        return
    work.get_ready(ROOMS[SAMPLING].shipped)
    # A canvas forgets itself when another page is shown.
    now = change_here(view_params=dict(view_params))
    wanted = {"picture": now.picture, "layer": now.layer, **view_params}
    if now.model != default_model:
        wanted["model"] = now.model
    for name in ("beside", "open"):
        if said := getattr(now, name):
            wanted[name] = said
    write(wanted)


# -- whether somebody is still there -------------------------------------------------------------

_connections: dict[str, str] = {}  # visitor -> Streamlit's name of their session


def is_here(name: str) -> bool:
    """Whether a visitor's browser is connected; true where there is no server to ask."""
    if not Runtime.exists() or name not in _connections:
        return True
    return Runtime.instance().is_active_session(_connections[name])


work.visitors_are_known_by(is_here)


def own_checkpoints() -> list[Any]:
    """Files this visitor dropped on the Checkpoint page that still lie here."""
    return [own for own in me().own_checkpoints.values() if Path(own.path).exists()]
