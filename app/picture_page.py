"""The frame that pages share whose canvas answers to one picture and one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from app import controls, runs, visitor
from app.canvas.kind import CanvasKind
from app.canvas.kinds import mount_picture
from app.rooms import ROOMS
from app.waiting import answer_or_wait
from deformviz.tracing.store import StoredTrace

CANVAS_HEIGHT_PX = 560
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
%s
</style>"""


def picture_page(
    *, style: str, show: Callable[[StoredTrace, controls.Selection, str], None]
) -> controls.Selection:
    """Choices, headline, and the run that was chosen; returns the choice.

    Args:
        style: CSS of this page alone.
        show: draws a run, given the choice and the name of the model that an address leaves out.
    """
    room = ROOMS[visitor.me().room]
    models = runs.list_models(room.name)
    visitor.read_address(list(models))
    st.html(STYLE % style)
    with st.sidebar:
        selection = controls.select(visitor.sources(), models)
    st.title(room.say("headline"), anchor=False)
    controls.row_of_pictures(visitor.sources(), selection.model)
    run = run_to_show(selection)
    if run is None:
        st.skeleton(height=CANVAS_HEIGHT_PX)
    else:
        visitor.settle_layer(run.layers)
        show(run, selection, next(iter(models)))
    return selection


def run_to_show(selection: controls.Selection) -> StoredTrace | None:
    """The run of the selection; while it is computed, the one on show before.

    Also fills the line under the headline: what to do, how far a run is, or why it failed.
    """
    source, model = selection.source, selection.model
    run = wanted_run(selection)
    if run is not None:
        visitor.show(run)
        foreign = source.group != "scene" and model.is_shipped
        room = ROOMS[model.room]
        warning = f" :material/travel_explore: {room.say('out_of_domain')}" if foreign else ""
        st.markdown(room.say("instruction") + warning)
        return run
    before = visitor.here().shown
    run = runs.find(before.key) if before is not None else None
    return replace(run, title=before.title) if run is not None and before is not None else None


def wanted_run(selection: controls.Selection) -> StoredTrace | None:
    """The run of the selection; else this line says how far it is, or why it failed."""
    source, model = selection.source, selection.model
    run = runs.finished(source, model)
    if run is not None:
        return run
    return answer_or_wait(
        runs.key_of(source, model),
        source.title,
        lambda: None,
        lambda: runs.request(source, model, visitor.me().name),
        give_up=visitor.give_up,
    )


def layer_canvas(
    kind: CanvasKind, run: StoredTrace, trace_url: str, *, key: str, pair: str = ""
) -> dict[str, Any] | None:
    """A layer on its picture, where `[` and `]` step from layer to layer.

    Args:
        pair: the name under which a second picture finds it in the browser.

    Returns the view it reported last, None before it has drawn.
    """

    def take_step() -> None:
        at = run.layers.index(visitor.here().layer) + st.session_state[key].layer
        visitor.change_here(layer=run.layers[min(max(at, 0), len(run.layers) - 1)])

    return mount_picture(
        kind,
        trace_url=trace_url,
        picture_url=f"picture/{run.key}.jpg",
        title=run.title,
        picture_hw=run.original_hw,
        view=visitor.start_view(run.key, key),
        view_id=visitor.view_id(run.key),
        key=key,
        pair={"name": pair} if pair else None,
        on_layer=take_step,
    ).view
