"""What the Attribution page shows: the picture, and, once it is there, the answer."""

from __future__ import annotations

import streamlit as st

from app import linked
from app.studies import Question
from app.studio import studio, told_of
from app.tasks.studies import Answer, PixelsStudied
from deformviz.analysis.layers_studied import LayersStudied, LayerView
from deformviz.tracing.store import StoredTrace
from deformviz.words.markdown import plain

CONFIG = {"displayModeBar": False}
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
</style>"""
PIXELS_IN_A_ROW = 2
OVERVIEW_HEIGHT_PX = 250
PIXEL_MEANINGS = {
    "gradient x input": "How steeply the answer rises with each pixel, times the pixel.",
    "occlusion": "How far the answer falls when a grey square covers it.",
    "grad-cam": "Feature maps that speak for the answer.",
}


def overview(found: list[dict], chosen: dict, run: StoredTrace, choice_key: str) -> None:
    """The picture with everything that was found; the chosen one stands out, a click chooses.

    Args:
        choice_key: of the widget that holds the number of the chosen one.
    """
    from deformviz.figures.attribution import boxes_over
    from deformviz.figures.theme import letters

    boxes = {letters(e["name"]): e["box"] for e in found if e["box"] is not None}
    figure = boxes_over(
        boxes, letters(chosen["name"]), run.original_hw, picture=f"picture/{run.key}.jpg"
    )
    figure.update_layout(height=OVERVIEW_HEIGHT_PX)
    alt = f"The picture; asked is {chosen['name']}."
    if not boxes:
        st.plotly_chart(figure, key="overview", config=CONFIG, alt=alt)
        return
    numbers = {letters(entry["name"]): number for number, entry in enumerate(found)}
    # A new key with every choice: else a second click on the same spot would only deselect it.
    key = f"overview-{run.key}-{chosen['query']}"

    def take() -> None:
        points = st.session_state[key].selection.points
        if points and (name := points[0].get("text")) in numbers:
            st.session_state[choice_key] = numbers[name]

    st.plotly_chart(
        figure, key=key, config=CONFIG, alt=alt, on_select=take, selection_mode="points"
    )


def show(answer: Answer, question: Question, chosen: dict, run: StoredTrace, what: str) -> None:
    """The picture pair, the verdict, curves and table; or the worth of pixels."""
    picture = f"picture/{run.key}.jpg"
    if isinstance(answer, PixelsStudied):
        pixels(answer, run, picture)
        return
    with st.container(horizontal=True, gap="medium"):
        layer, quantity, method = choose(answer, question)
    name = f"{what.replace('its', 'the')} of the {plain(chosen['class_name'])}"
    pair(answer, (layer, quantity, method), chosen, run, picture)
    words(answer, layer, name)
    curves(answer, layer, what)
    if layer.startswith("decoder") and not question.side:
        asked = {"layer": layer, "query": question.query}
        studio(("deletion-curves",), run, asked, told_of(), found=answer.study.curves[layer])
    table(answer, question)


def choose(answer: LayersStudied, question: Question) -> tuple[str, str, str]:
    """Layer, quantity and method to draw; at first the layer that moves the answer most."""
    from deformviz.analysis.attribution_records import METHODS, QUANTITIES

    study, layers = answer.study, list(answer.layers)
    most = max(layers, key=lambda name: abs(study.score - study.without_any[name]))
    key = f"layer-{question.key}"
    layer = st.segmented_control(
        "Layer",
        layers,
        required=True,
        key=key,
        on_change=linked.choice("layer", key, most, linked.one_of(layers)),
    )
    quantity = st.segmented_control(
        "What gets the credit",
        QUANTITIES,
        format_func=short,
        required=True,
        key="attributed_quantity",
        on_change=linked.choice(
            "credit",
            "attributed_quantity",
            QUANTITIES[0],
            linked.one_of(QUANTITIES, short),
            short,
        ),
    )
    method = st.segmented_control(
        "Method",
        METHODS,
        required=True,
        key="attributed_method",
        on_change=linked.choice("method", "attributed_method", METHODS[0], linked.one_of(METHODS)),
    )
    assert layer and quantity and method  # each is required
    return layer, quantity, method


def short(quantity: str) -> str:
    """What gets the credit, in a word."""
    return quantity.split()[-1]


def pair(
    answer: LayersStudied,
    asked: tuple[str, str, str],
    chosen: dict,
    run: StoredTrace,
    picture: str,
) -> None:
    """Weights and attributions side by side, in one encoding."""
    from deformviz.figures.attribution import sample_amounts, window_around
    from deformviz.figures.legend import marks_legend

    layer, quantity, method = asked
    view: LayerView = answer.layers[layer]
    found = answer.study.attributions[asked]
    worth, colour = view.marks(found), "group" if view.together > 1 else "head"
    window = (
        None
        if chosen["box"] is None
        else window_around(view.locations_px, [view.weights, worth], run.original_hw, chosen["box"])
    )
    whose = (
        f" of token {view.query}, the one that is worth most" if layer.startswith("encoder") else ""
    )
    for column, title, amounts, unit in zip(
        st.columns(2, gap="medium"),
        ("Attention weights", "What they are worth"),
        (view.weights, worth),
        ("weight", "worth"),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}{whose}**")
            st.plotly_chart(
                sample_amounts(
                    view.locations_px,
                    amounts,
                    run.original_hw,
                    picture=picture,
                    box_xyxy_px=chosen["box"],
                    unit=unit,
                    of=colour,
                    window_px=window,
                ),
                key=f"points-{unit}",
                config=CONFIG,
                alt=f"{title} in {layer}, over the picture.",
            )
    st.html(
        marks_legend(
            *view.weights.shape[:2], of=colour, more="area: the amount · hollow: speaks against"
        )
    )
    st.caption(
        f"Drawn on the right: what {quantity} are worth by {method}. Together they should make "
        f"up the way from {found.baseline_score:.4f} to {found.score:.4f}; they miss "
        f"{100 * found.completeness_error:.2f} % of it (completeness error of what is drawn, after "
        f"{found.steps} {'step' if found.steps == 1 else 'steps'})."
    )


def words(answer: LayersStudied, layer: str, name: str) -> None:
    """The verdict, computed."""
    from deformviz.analysis.verdict import verdict

    with st.container(border=True):
        st.markdown("\n".join(f"- {said}" for said in verdict(answer.study, layer, name)))


def curves(answer: LayersStudied, layer: str, what: str) -> None:
    """Deletion, insertion and agreement."""
    from deformviz.figures.attribution import agreement_map, faithfulness_curves

    unit = (
        what.removeprefix("its ")
        if answer.study.target.is_share or "logit" in what
        else "share of the picture"
    )
    columns = st.columns(3, gap="medium")
    for column, kind, meaning in (
        (
            columns[0],
            "deletion",
            "Points of this layer are taken away, beginning with those "
            "that rank highest. A curve that falls early found what matters.",
        ),
        (
            columns[1],
            "insertion",
            "Starting with none, points are put back. A curve that rises early found what matters.",
        ),
    ):
        with column:
            st.markdown(f"**{kind.capitalize()}**  \n:small[:gray[{meaning}]]")
            st.plotly_chart(
                faithfulness_curves(answer.study.curves[layer], kind, unit),
                key=f"curve-{kind}",
                config=CONFIG,
                alt=f"{kind} curves of {layer} by weight, attribution, at random.",
            )
    with columns[2]:
        st.markdown(
            "**Agreement**  \n:small[:gray[Rank correlation of weights and worth within "
            "each head. 1: the same order.]]"
        )
        st.plotly_chart(
            agreement_map({name: view.agreement for name, view in answer.layers.items()}),
            key="agreement",
            config=CONFIG,
            alt="Rank correlation of weights and attributions per layer and head.",
        )


def table(answer: LayersStudied, question: Question) -> None:
    """Every method against every layer, to look at and to take away."""
    from deformviz.figures.attribution import method_areas

    st.subheader("Every method against every layer", anchor=False)
    st.markdown(
        "The mean answer while points are deleted in a method's order. :gray[Orange: lower "
        "than at random, so the method knows what matters. Blue: higher.]"
    )
    st.plotly_chart(
        method_areas(answer.study),
        key="areas",
        config=CONFIG,
        alt="Deletion areas of every method for every layer.",
    )
    with st.expander("All numbers", icon=":material/table:"):
        st.dataframe(
            [
                {
                    "layer": row.layer,
                    "of": row.quantity,
                    "method": row.method,
                    "score difference": row.difference,
                    "completeness error": row.completeness_error,
                    "steps": row.steps,
                    "agreement with weights": row.agreement,
                    "deletion area": row.deletion_area,
                    "insertion area": row.insertion_area,
                    "at other queries": row.other_queries,
                }
                for row in answer.study.rows
            ],
            hide_index=True,
        )
    st.download_button(
        "Table (CSV)",
        answer.study.to_csv(),
        icon=":material/download:",
        file_name=f"deformviz-attribution-{question.source.name}.csv",
        mime="text/csv",
        on_click="ignore",
        key="csv",
    )


def pixels(answer: PixelsStudied, run: StoredTrace, picture: str) -> None:
    """The worth of pixels by every method."""
    from deformviz.figures.attribution import pixel_worth

    st.markdown(
        "Orange speaks for the answer, blue against it. :gray[A grey picture stands for "
        "nothing there; a detector's query keeps the box it started from.]"
    )
    for first in range(0, len(answer.pixels), PIXELS_IN_A_ROW):
        columns = st.columns(PIXELS_IN_A_ROW, gap="medium")
        for column, found in zip(
            columns, answer.pixels[first : first + PIXELS_IN_A_ROW], strict=False
        ):
            error = found.completeness_error
            told = (
                PIXEL_MEANINGS[found.method]
                if error is None
                else (
                    f"From {found.baseline_score:.3f} to {found.score:.3f} in {found.steps} steps; "
                    f"misses {100 * error:.2f} % (completeness error)."
                )
            )
            with column:
                st.markdown(f"**{found.method.capitalize()}**  \n:small[:gray[{told}]]")
                st.plotly_chart(
                    pixel_worth(found.values, run.original_hw, picture=picture),
                    key=f"pixels-{found.method}",
                    config=CONFIG,
                    alt=f"Worth of pixels by {found.method}.",
                )
