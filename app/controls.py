"""Widgets -> a frozen Selection."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import dropped, published, recordings, visitor
from app.canvas.gallery.component import gallery
from app.line import NoRoom
from app.rooms import ROOMS
from app.runs import ModelChoice, finished
from app.sources import UPLOAD, Source, own_picture
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import plain, visible

GROUPS = ("own", "scene", "photograph")
LAST_OF_ALL = "scene"  # only the shipped model has seen rendered scenes
# HEIC is taken, to be refused with a sentence that says what to do.
UPLOAD_TYPES = "jpg jpeg png webp avif tif tiff bmp gif heic heif".split()
LARGEST_PICTURE_MB = 20
KINDS = ("encoder", "decoder")


@dataclass(frozen=True)
class Selection:
    """What somebody wants to look at."""

    model: ModelChoice
    source: Source


def select(sources: dict[str, Source], models: dict[str, ModelChoice]) -> Selection:
    """The gallery, one's own pictures, and the model."""
    select_picture(sources, models[visitor.here().model])
    if len(models) > 1:
        _choose_model(models)
    if ROOMS[visitor.me().room].published:
        published.offer()
        if not ROOMS[visitor.me().room].photos():
            st.markdown(f":small[{say('photos.none')}]")
    return Selection(models[visitor.here().model], sources[visitor.here().picture])


def _choose_model(models: dict[str, ModelChoice]) -> None:
    """The widget forgets itself when another page is shown; the visitor's record does not."""
    state = st.session_state
    state["model_widget"] = visitor.here().model

    def take() -> None:
        visitor.change_here(model=state["model_widget"])

    st.selectbox(
        say("model.label"),
        list(models),
        format_func=lambda name: visible(models[name].title),
        key="model_widget",
        on_change=take,
    )


def select_picture(sources: dict[str, Source], model: ModelChoice) -> Source:
    """The gallery and one's own pictures."""
    _choose_from_gallery(sources, model)
    with st.expander(
        say("picture.own"),
        icon=":material/add_photo_alternate:",
        expanded=visitor.here().picture == UPLOAD,
    ):
        _choose_own_picture()
    if visitor.me().recording_calls:
        visitor.change(recording_calls=False)
        st.switch_page("views/recordings.py")
    return sources[visitor.here().picture]


def row_of_pictures(sources: dict[str, Source], model: ModelChoice) -> None:
    """The gallery once more, for a phone, on which the sidebar is out of sight."""
    with st.container(key="row_of_pictures"):
        _choose_from_gallery(sources, model, in_a_row=True)


def _choose_from_gallery(
    sources: dict[str, Source], model: ModelChoice, in_a_row: bool = False
) -> None:
    key = "gallery_row" if in_a_row else "gallery"
    groups: dict[str, list[dict[str, str]]] = {}
    for source in sources.values():
        if address := _thumbnail(source, model):
            groups.setdefault(source.group, []).append(
                {"name": source.name, "title": source.title, "src": address}
            )

    def take() -> None:
        if (chosen := st.session_state[key].chosen) in sources:
            visitor.choose_picture(chosen)

    order = sorted(GROUPS, key=lambda group: not model.is_shipped and group == LAST_OF_ALL)
    gallery(
        {say(f"picture.group.{group}"): groups[group] for group in order if group in groups},
        visitor.here().picture,
        key=key,
        on_choose=take,
        in_a_row=in_a_row,
    )


def _thumbnail(source: Source, model: ModelChoice) -> str:
    """Address of a tile's picture; one's own has none before a run has read it."""
    if source.group != "own":
        return f"thumbnail/{source.name}.jpg"
    run = finished(source, model)
    return f"picture/{run.key}.jpg" if run else ""


def _choose_own_picture() -> None:
    """One's own picture goes to disk, and its widget is empty again for the next one."""
    drops = visitor.me().drops

    def take(widget: str) -> None:
        file = st.session_state[widget]
        if not isinstance(file, UploadedFile):
            return
        try:
            _keep(file)
        except NoRoom as problem:
            visitor.note(str(problem))
        visitor.change(drops=drops + 1)
        dropped.let_go(file)

    st.file_uploader(
        say("picture.drop"),
        type=[*UPLOAD_TYPES, recordings.ENDING.lstrip(".")],
        key=f"upload-{drops}",
        on_change=take,
        args=(f"upload-{drops}",),
        help=say("picture.drop_help", most=LARGEST_PICTURE_MB),
    )
    if st.toggle(say("picture.camera"), key="camera_on"):
        key = f"camera-{drops}"
        st.camera_input(say("picture.camera.take"), key=key, on_change=take, args=(key,))


def _keep(file: UploadedFile) -> None:
    """Take a dropped picture, or a recording that was dropped here. Raises NoRoom."""
    if recordings.is_recording(file.name):
        recordings.keep(file.name, file.getbuffer())
        visitor.change(recording_calls=True)
    elif file.size > LARGEST_PICTURE_MB * 2**20:
        visitor.note(say("picture.too_large", name=plain(file.name), most=LARGEST_PICTURE_MB))
    else:
        path = dropped.PICTURES.keep(file.getbuffer(), file.name, visitor.me().name)
        visitor.change(own_picture=own_picture(file.name, path))
        visitor.choose_picture(UPLOAD)


def layer_number(layer: str) -> str:
    """A layer of a part in short: its number, and whether its queries look at each other."""
    number, _, among = layer.partition(".")[2].partition(".")
    return say("layer.among_queries", number=number) if among else number


def layer_title(layer: str) -> str:
    """A layer in words: "encoder 1", "decoder 0 among queries"."""
    return f"{layer.partition('.')[0]} {layer_number(layer)}"


def choose_layer(run: StoredTrace) -> str:
    """Encoder or decoder, and which of its layers."""
    state = st.session_state
    by_kind = {kind: [n for n in run.layers if n.startswith(kind)] for kind in KINDS}
    kinds = [kind for kind, names in by_kind.items() if names]
    layer = visitor.here().layer
    kind = layer.split(".")[0]
    state["kind"], state["number"] = kind, layer

    def take_kind() -> None:
        visitor.change_here(layer=by_kind[state["kind"]][-1])

    def take_number() -> None:
        visitor.change_here(layer=state["number"])

    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.segmented_control(
            say("layer.kind.label"),
            kinds,
            format_func=lambda kind: say(f"layer.kind.{kind}"),
            key="kind",
            on_change=take_kind,
            required=True,
            label_visibility="collapsed",
        )
        st.markdown(f":gray[{say('layer.word')}]", width="content")
        st.segmented_control(
            say("layer.label"),
            by_kind[kind],
            key="number",
            on_change=take_number,
            format_func=layer_number,
            required=True,
            label_visibility="collapsed",
        )
    return visitor.here().layer
