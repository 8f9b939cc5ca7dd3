"""What the Attribution page shows once an answer is there."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.studies import Answer, LayerView, Question

CONFIG = {"displayModeBar": False}
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
</style>"""
PIXELS_IN_A_ROW = 2


def show(answer: Answer, question: Question, chosen: dict, run, what: str) -> None:
    """The picture pair, the verdict, curves and table; or the worth of pixels."""
    picture = f"picture/{run.key}.jpg"
    if answer.pixels:
        pixels(answer, run, picture)
        return
    layer = st.segmented_control("Layer", list(answer.layers), default=list(answer.layers)[-1],
                                 required=True, key=f"layer-{question.part}")
    name = f"{what.replace('its', 'the')} of the {chosen['class_name']}"
    pair(answer, layer, chosen, run, picture)
    words(answer, layer, name)
    curves(answer, layer, what)
    table(answer, question)


def pair(answer: Answer, layer: str, chosen: dict, run, picture: str) -> None:
    """Weights and attributions side by side, in one encoding."""
    from deformviz.analysis.attribution import METHODS, QUANTITIES
    from deformviz.figures.attribution import sample_amounts

    view: LayerView = answer.layers[layer]
    with st.container(horizontal=True):
        quantity = st.segmented_control("Worth of", QUANTITIES, default=QUANTITIES[0],
                                        required=True, key="attributed_quantity")
        method = st.segmented_control("By", METHODS, default=METHODS[0], required=True,
                                      key="attributed_method")
    found = answer.study.attributions[layer, quantity, method]
    box = np.array(chosen["box_xyxy_px"])
    left, right = st.columns(2, gap="medium")
    whose = "" if layer.startswith("decoder") else \
        f" of token {view.query}, the one that is worth most"
    for column, title, amounts, unit in (
        (left, f"Attention weights{whose}", view.weights, "weight"),
        (right, f"What they are worth{whose}", found.values[view.query], "worth"),
    ):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                sample_amounts(view.locations_px, amounts, run.original_hw, picture=picture,
                               box_xyxy_px=box, unit=unit),
                key=f"points-{unit}", config=CONFIG, alt=f"{title} in {layer}, over the picture.")
    st.caption(
        f"Colour is the head, shape the level, area the amount; hollow marks speak against. "
        f"{quantity.capitalize()} by {method}: from {found.baseline_score:.4f} to "
        f"{found.score:.4f}, completeness error {100 * found.completeness_error:.2f} % after "
        f"{found.steps} steps.")


def words(answer: Answer, layer: str, name: str) -> None:
    """The verdict, computed."""
    from deformviz.analysis.verdict import verdict

    with st.container(border=True):
        st.markdown("  \n".join(verdict(answer.study, layer, name)))


def curves(answer: Answer, layer: str, what: str) -> None:
    """Deletion, insertion and agreement."""
    from deformviz.figures.attribution import agreement_map, faithfulness_curves

    unit = "score" if what == "its score" else "share of the picture"
    columns = st.columns(3, gap="medium")
    for column, kind, meaning in (
        (columns[0], "deletion", "Points of this layer are taken away, the first ones first. A "
         "curve that falls early found what matters."),
        (columns[1], "insertion", "Starting with none, points are put back. A curve that rises "
         "early found what matters."),
    ):
        with column:
            st.markdown(f"**{kind.capitalize()}**  \n:small[:gray[{meaning}]]")
            st.plotly_chart(faithfulness_curves(answer.study.curves[layer], kind, unit),
                            key=f"curve-{kind}", config=CONFIG,
                            alt=f"{kind} curves of {layer} by weight, attribution, at random.")
    with columns[2]:
        st.markdown("**Agreement**  \n:small[:gray[Rank correlation of weights and worth within "
                    "each head. 1: the same order.]]")
        st.plotly_chart(agreement_map({name: view.agreement
                                       for name, view in answer.layers.items()}),
                        key="agreement", config=CONFIG,
                        alt="Rank correlation of weights and attributions per layer and head.")


def table(answer: Answer, question: Question) -> None:
    """Every method against every layer, to look at and to take away."""
    from deformviz.figures.attribution import method_areas

    st.subheader("Every method against every layer", anchor=False)
    st.plotly_chart(method_areas(answer.study), key="areas", config=CONFIG,
                    alt="Deletion areas of every method for every layer.")
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe([{
            "layer": row.layer, "of": row.quantity, "method": row.method,
            "score difference": row.difference, "completeness error": row.completeness_error,
            "steps": row.steps, "agreement with weights": row.agreement,
            "deletion area": row.deletion_area, "insertion area": row.insertion_area,
            "at other queries": row.other_queries,
        } for row in answer.study.rows], hide_index=True)
    st.download_button("Table (CSV)", answer.study.to_csv(), icon=":material/download:",
                       file_name=f"deformviz-attribution-{question.source.name}.csv",
                       mime="text/csv", on_click="ignore", key="csv")


def pixels(answer: Answer, run, picture: str) -> None:
    """The worth of pixels by every method."""
    from deformviz.figures.attribution import pixel_worth

    st.markdown("Orange speaks for the answer, blue against it. :gray[A grey picture stands for "
                "nothing there; the query keeps the box it started from.]")
    for first in range(0, len(answer.pixels), PIXELS_IN_A_ROW):
        columns = st.columns(PIXELS_IN_A_ROW, gap="medium")
        for column, found in zip(columns, answer.pixels[first:first + PIXELS_IN_A_ROW],
                                 strict=False):
            error = found.completeness_error
            told = "" if error is None else \
                f"  \n:small[:gray[from {found.baseline_score:.4f} to {found.score:.4f}, " \
                f"completeness error {100 * error:.2f} %]]"
            with column:
                st.markdown(f"**{found.method.capitalize()}**{told}")
                st.plotly_chart(pixel_worth(found.values, run.original_hw, picture=picture),
                                key=f"pixels-{found.method}", config=CONFIG,
                                alt=f"Worth of pixels by {found.method}.")
