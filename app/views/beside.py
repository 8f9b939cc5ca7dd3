"""The same picture and the same place under a second model, below the first."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import runs, visitor
from app.canvas.kinds import DENSE, SAMPLING, mount_picture
from app.sources import Source
from app.waiting import answer_or_wait
from deformviz.geometry import Affine
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_dense import PackedDense
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import visible

NOBODY = ""
Layer = PackedLayer | PackedDense


def beside(run: StoredTrace, layer: str, source: Source, on_show: dict[str, Any]) -> None:
    """Choose another model, and see what it does where the first one's query is."""
    models = runs.list_models(visitor.me().room)
    chosen = visitor.here().model
    names = [NOBODY, *(name for name in models if name != chosen)]
    if len(names) == 1:
        return
    other = visitor.here().beside
    st.session_state["beside"] = other if other in names else NOBODY

    def take() -> None:
        visitor.change_here(beside=st.session_state["beside"])

    st.selectbox(
        say("beside.choose"),
        names,
        format_func=lambda name: visible(models[name].title) if name else say("beside.nobody"),
        key="beside",
        on_change=take,
        width=420,
        help=say("beside.how"),
    )
    if st.session_state["beside"] == NOBODY:
        return
    model = models[st.session_state["beside"]]
    found = runs.finished(source, model) or answer_or_wait(
        runs.key_of(source, model),
        f"{source.title}, {model.title}",
        lambda: None,
        lambda: runs.request(source, model, visitor.me().name),
        give_up=_give_up,
    )
    if found is not None:
        _show(run, layer, found, on_show.get("query"))


def _give_up(key: str) -> None:
    visitor.change_here(beside=NOBODY)


def _show(run: StoredTrace, layer: str, other: StoredTrace, query: int | None) -> None:
    """The other model's canvas, its query nearest to that of the first one."""
    its_layer = same_layer(layer, other.layers)
    first, second = runs.unpacked(run, layer), runs.unpacked(other, its_layer)
    assert isinstance(first, PackedLayer | PackedDense)
    assert isinstance(second, PackedLayer | PackedDense)
    asked = first.header["start_query"] if query is None else query
    nearest = query_at(second, place_of(first, asked))
    kind = DENSE if isinstance(second, PackedDense) else SAMPLING
    mount_picture(
        kind,
        trace_url=f"trace/{other.key}/{its_layer}.bin",
        picture_url=f"picture/{other.key}.jpg",
        title=other.title,
        picture_hw=other.original_hw,
        view={"query": nearest, "pinned": True},
        view_id=f"{other.key}-{its_layer}-{nearest}",
        key=f"beside_{kind.name}",
    )


def same_layer(layer: str, layers: tuple[str, ...]) -> str:
    """The layer of that name, else the last one of the same part, else the last one."""
    part = layer.split(".")[0]
    return next(
        (n for n in (layer, *reversed(layers)) if n in layers and n.startswith(part)), layers[-1]
    )


def place_of(layer: Layer, query: int) -> np.ndarray:
    """Where a query is, in pixels of the original picture."""
    return _places(layer, [query])[0]


def query_at(layer: Layer, place_px: np.ndarray) -> int:
    """The query nearest to a place; in a decoder of those that found something, if any did."""
    sure = [
        query
        for query, found in enumerate(layer.header["detections"])
        if found and found["score"] >= layer.header["shown_score"]
    ]
    among = sure or list(range(layer.header["queries"]))
    away = np.linalg.norm(_places(layer, among) - place_px, axis=-1)
    return among[int(away.argmin())]


def _places(layer: Layer, queries: list[int]) -> np.ndarray:
    """Pixels of the original picture [query xy]."""
    header, to_original = layer.header, Affine(*layer.header["to_original"])
    if isinstance(layer, PackedLayer):
        return np.asarray(to_original(layer.references[queries, 0, :2].astype(float)))
    if layer.boxes is not None:
        padded = Affine(*header["valid_to_padded"])(layer.boxes[queries, :2].astype(float))
        return np.asarray(to_original(np.asarray(padded)))
    ((height, width),) = header["levels"]
    row, column = np.divmod(np.asarray(queries), width)
    centres = np.stack([(column + 0.5) / width, (row + 0.5) / height], axis=-1)
    return np.asarray(to_original(centres))
