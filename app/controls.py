"""Widgets -> a frozen Selection."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.canvas.gallery.component import gallery
from app.runs import ModelChoice, Run, finished
from app.session import choose_picture, take_own_picture
from app.sources import Source

GROUPS = {"own": "Your picture", "scene": "Rendered scenes", "photograph": "Photographs"}
UPLOAD_TYPES = ["jpg", "jpeg", "png", "webp", "bmp", "gif"]
LARGEST_UPLOAD_MB = 20
KINDS = {"encoder": "Encoder", "decoder": "Decoder"}


@dataclass(frozen=True)
class Selection:
    """What somebody wants to look at."""

    model: ModelChoice
    source: Source


def select(sources: dict[str, Source], models: dict[str, ModelChoice]) -> Selection:
    """The gallery, one's own pictures, and the model."""
    state = st.session_state
    select_picture(sources, models[state["model"]])
    if len(models) > 1:
        _choose_model(models)
    return Selection(models[state["model"]], sources[state["picture"]])


def _choose_model(models: dict[str, ModelChoice]) -> None:
    """The widget forgets itself when another page is shown; the session does not."""
    state = st.session_state
    state["model_widget"] = state["model"]

    def take() -> None:
        state["model"] = state["model_widget"]

    st.selectbox(
        "Model",
        list(models),
        format_func=lambda name: models[name].title,
        key="model_widget",
        on_change=take,
    )


def select_picture(sources: dict[str, Source], model: ModelChoice) -> Source:
    """The gallery and one's own pictures."""
    state = st.session_state
    _choose_from_gallery(sources, model)
    with st.expander(
        "Use your own picture",
        icon=":material/add_photo_alternate:",
        expanded=state["picture"] == "upload",
    ):
        _choose_own_picture()
    return sources[state["picture"]]


def _choose_from_gallery(sources: dict[str, Source], model: ModelChoice) -> None:
    groups: dict[str, list[dict[str, str]]] = {}
    for source in sources.values():
        if address := _thumbnail(source, model):
            groups.setdefault(GROUPS[source.group], []).append(
                {"name": source.name, "title": source.title, "src": address}
            )

    def take() -> None:
        if (chosen := st.session_state["gallery"].chosen) in sources:
            choose_picture(chosen)

    gallery(
        {title: groups[title] for title in GROUPS.values() if title in groups},
        st.session_state["picture"],
        key="gallery",
        on_choose=take,
    )


def _thumbnail(source: Source, model: ModelChoice) -> str:
    """Address of a tile's picture; one's own has none before a run has read it."""
    if source.group != "own":
        return f"thumbnail/{source.name}.jpg"
    run = finished(source, model)
    return f"picture/{run.key}.jpg" if run else ""


def _choose_own_picture() -> None:
    def take(widget: str) -> None:
        if file := st.session_state[widget]:
            take_own_picture(file.name, file.getvalue())

    st.file_uploader(
        "Upload a picture",
        type=UPLOAD_TYPES,
        key="upload",
        on_change=take,
        args=("upload",),
        max_upload_size=LARGEST_UPLOAD_MB,
        help=f"JPEG, PNG, WebP, BMP or GIF, up to {LARGEST_UPLOAD_MB} MB and 40 "
        "megapixels. It stays in this server's memory and is never stored.",
    )
    if st.toggle("Use the camera", key="camera_on"):
        st.camera_input("Take a picture", key="camera", on_change=take, args=("camera",))


def choose_layer(run: Run) -> str:
    """Encoder or decoder, and which of its layers."""
    state = st.session_state
    by_kind = {kind: [n for n in run.layers if n.startswith(kind)] for kind in KINDS}
    kinds = [kind for kind, names in by_kind.items() if names]
    kind = state["layer"].split(".")[0]
    state["kind"], state["number"] = kind, state["layer"]

    def take_kind() -> None:
        state["layer"] = by_kind[state["kind"]][-1]

    def take_number() -> None:
        state["layer"] = state["number"]

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.segmented_control(
            "Part of the model",
            kinds,
            format_func=KINDS.get,
            key="kind",
            on_change=take_kind,
            required=True,
            label_visibility="collapsed",
        )
        st.markdown(":gray[layer]", width="content")
        st.segmented_control(
            "Layer",
            by_kind[kind],
            key="number",
            on_change=take_number,
            format_func=lambda name: name.split(".")[1],
            required=True,
            label_visibility="collapsed",
        )
    return state["layer"]
