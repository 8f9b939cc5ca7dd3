"""The charts of the query on show. Plotly is imported when the first one is drawn, not before."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import proof
from app.runs import samples
from deformviz.figures.theme import CHART_HEIGHT_PX
from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.words import say

CONFIG = {"displayModeBar": False}
CHARTS = ("weights", "offsets", "levels", "boxes")


def query_charts(run, layer: str, query: int | None, *, drawn: bool) -> None:
    """Charts of one query side by side; until the canvas has drawn, their places.

    Args:
        query: None for the one the layer starts with.
        drawn: whether the canvas has drawn, so that Plotly may load.
    """
    if not proof.may_be_drawn([run.header(layer).get("proof")], beside_canvas=True):
        return
    kind = layer.split(".")[0]
    names = [name for name in CHARTS if name != "boxes" or kind == "decoder"]
    figures = _figures(run, layer, query) if drawn else {}
    for column, name in zip(st.columns(len(names), gap="medium"), names, strict=True):
        title = say(f"page.explore.chart.{name}")
        meaning = say(f"page.explore.chart.{name}.means")
        with column:
            st.markdown(f"**{title}**  \n:small[:gray[{meaning}]]")
            if not drawn:
                st.skeleton(height=CHART_HEIGHT_PX)
            elif figures.get(name) is None:
                st.caption(say("page.explore.chart.no_boxes"))
            else:
                st.plotly_chart(
                    figures[name],
                    key=f"chart-{name}",
                    config=CONFIG,
                    alt=say("page.explore.chart.of", title=title, query=query, meaning=meaning),
                )


def _figures(run, layer: str, query: int | None) -> dict:
    from deformviz.analysis.sampling import query_sampling
    from deformviz.figures.references import box_history
    from deformviz.figures.sampling import level_bars, offset_rose, weight_map

    packed = samples(run, layer)
    if query is None or not 0 <= query < len(packed.weights):
        query = int(packed.header["start_query"])
    sampling = query_sampling(
        packed.locations, packed.weights, packed.references, packed.header["levels"], query
    )
    boxes = None
    if packed.boxes_by_layer is not None:
        corners = cxcywh_to_xyxy(np.asarray(packed.boxes_by_layer[:, query], np.float64))
        boxes = box_history(
            scale_boxes(corners, run.original_hw), run.original_hw, picture=f"picture/{run.key}.jpg"
        )
    return {
        "weights": weight_map(sampling),
        "offsets": offset_rose(sampling),
        "levels": level_bars(sampling),
        "boxes": boxes,
    }
