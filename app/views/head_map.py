"""All heads of all layers as small pictures, to find one and to go there."""

from __future__ import annotations

import streamlit as st

from app import visitor
from app.canvas.kinds import HEADS, MOST_LEVELS
from app.controls import layer_title
from app.views.beside import PAIR
from app.views.opened import panel
from deformviz.figures.theme import palette
from deformviz.tracing.store import StoredTrace
from deformviz.words import say

KEY = "head_map"
AVERAGE = "average"  # in the address, beside the names of open panels


def head_map(run: StoredTrace) -> None:
    """The map; nothing is loaded before somebody opens it."""
    opened = panel("heads", say("head_map.expander"), ":material/grid_view:")
    if opened is None:
        return

    def go() -> None:
        if (layer := st.session_state[KEY].layer) in run.layers:
            visitor.change_here(layer=layer)

    names = [name for name in visitor.here().open.split(",") if name]

    def take_average() -> None:
        others = [name for name in names if name != AVERAGE]
        wanted = [*others, AVERAGE] if st.session_state[KEY].average else others
        visitor.change_here(open=",".join(wanted))

    with opened:
        HEADS.mount(
            {
                "layers": [
                    {"name": name, "title": layer_title(name), "url": f"trace/{run.key}/{name}.bin"}
                    for name in run.layers
                ],
                "picture_url": f"picture/{run.key}.jpg",
                "palette": palette(MOST_LEVELS),
                "pair": PAIR,
                "average": AVERAGE in names,
            },
            key=KEY,
            layer=go,
            average=take_average,
        )
