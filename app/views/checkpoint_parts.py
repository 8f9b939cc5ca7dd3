"""What the Checkpoint page shows of one file, and of two side by side."""

from __future__ import annotations

import streamlit as st

from app.checkpoint_files import Choice

CONFIG = {"displayModeBar": False}
PAGES = (("Explore where it looks", "views/explore.py", ":material/center_focus_strong:"),
         ("Do its weights mean anything?", "views/attribution.py", ":material/balance:"))
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
</style>"""
STARS_IN_A_ROW = 3


def one_checkpoint(choice: Choice, inspection) -> None:
    """Report, architecture, stars, heads and statistics of one file."""
    report = inspection.report
    if inspection.problem:
        st.error(inspection.problem, icon=":material/block:")
    if report is None:
        return
    st.subheader(choice.title, anchor=False)
    st.markdown(_sentence(inspection))
    _report_details(report)
    if not inspection.usable:
        return
    _architecture(inspection.model)
    _stars(inspection.model)
    _heads(inspection.model)
    _statistics(inspection.model)


def _sentence(inspection) -> str:
    report = inspection.report
    assumed = f", {len(report.assumed)} values assumed" if report.assumed else ""
    return (f"**{report.system}** ({report.variant}), layout *{report.layout}*, "
            f"{inspection.size_bytes / 1e6:.1f} MB, {report.matched} keys matched{assumed}.")


def _report_details(report) -> None:
    misfits = report.misfits()
    with st.expander("Every size, assumption and misfit", icon=":material/receipt_long:",
                     expanded=bool(misfits)):
        for assumption in report.assumed:
            st.markdown(f"- assumed `{assumption.name} = {assumption.value!r}`: "
                        f"{assumption.source}")
        if misfits:
            st.dataframe([{"what": kind.replace("_", " "), "key": key, "likely": reason}
                          for kind, key, reason in misfits], hide_index=True)
        st.dataframe([{"setting": name, "value": str(value)}
                      for name, value in report.sizes.items()], hide_index=True, height=240)
        facts = {**report.metadata}
        facts.pop("config", None)
        if facts:
            st.dataframe([{"fact": name, "value": value} for name, value in facts.items()],
                         hide_index=True)
        if report.filled or report.ignored:
            st.caption(f"{len(report.filled)} keys were filled in with weights they share, "
                       f"{len(report.ignored)} keys without a use were left out.")


def _architecture(model) -> None:
    from deformviz.analysis.architecture import describe
    from deformviz.figures.architecture import architecture_html, short_number

    found = describe(model)
    height, width = found.input_hw
    st.subheader("The model, part by part", anchor=False)
    with st.container(horizontal=True):
        st.metric("Parameters", short_number(found.parameters))
        st.metric(f"Multiply-adds at {height} × {width}", short_number(found.multiply_adds))
        if found.published:
            name, millions, giga = found.published
            st.metric(f"{name}, paper", f"{millions:g} M", help="Parameters the paper states.")
            st.metric(f"{name}, paper", f"{giga:g} GFLOPs", help="The papers count one "
                      "multiply-add as one FLOP; Deformable DETR averages over COCO's pictures.")
    st.html(architecture_html(found))


def _stars(model) -> None:
    from deformviz.analysis.weights import offset_stars
    from deformviz.figures.weights import offset_star_chart

    stars = offset_stars(model)
    if not stars:
        return
    st.subheader("Where every head looks by default", anchor=False)
    st.markdown("The bias of `sampling_offsets`: colour is the head, shape the level, crosses are "
                "the star that training starts from. :gray[The number says how large the learned, "
                "query-dependent part is beside it.]")
    names = list(stars)
    for first in range(0, len(names), STARS_IN_A_ROW):
        columns = st.columns(STARS_IN_A_ROW, gap="medium")
        for column, name in zip(columns, names[first:first + STARS_IN_A_ROW], strict=False):
            star = stars[name]
            with column:
                unit = "shares of the box" if star.per_box else "cells of the level"
                st.markdown(f"**{name}**  \n:small[:gray[in {unit}; moved by "
                            f"{star.moved.mean():.2f} on average, query part "
                            f"{star.query_share:.2f}]]")
                st.plotly_chart(offset_star_chart(star), key=f"star-{name}", config=CONFIG,
                                alt=f"Offset star of {name}, trained and initial.")


def _heads(model) -> None:
    from deformviz.analysis.weights import head_likeness
    from deformviz.figures.weights import likeness_map

    found = head_likeness(model)
    if not found:
        return
    st.subheader("How alike are its heads?", anchor=False)
    st.markdown("Cosines between heads: of the maps W<sub>m</sub>W′<sub>m</sub> they pass values "
                "on with, and of the stars they look along. :gray[0 means they have nothing in "
                "common.]", unsafe_allow_html=True)
    name = st.selectbox("Layer", list(found), index=len(found) - 1, key="likeness_layer")
    first, second, cosine = found[name].most_alike
    st.caption(f"Heads {first} and {second} of {name} pass on the most similar things, "
               f"cosine {cosine:.2f}.")
    columns = st.columns(2 if found[name].looks is not None else 1, gap="medium")
    shown = [("What they pass on", found[name].passes_on), ("Where they look", found[name].looks)]
    for column, (title, cosines) in zip(columns, shown, strict=False):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(likeness_map(cosines, title.lower()), key=f"likeness-{title}",
                            config=CONFIG, alt=f"{title}: cosines between the heads of {name}.")


def _statistics(model) -> None:
    from deformviz.analysis.weights import weight_statistics
    from deformviz.figures.weights import weight_sizes

    rows = weight_statistics(model)
    st.subheader("Weights in numbers", anchor=False)
    st.plotly_chart(weight_sizes(rows), key="weight-sizes", config=CONFIG,
                    alt="Root mean square of every tensor of the model, on a logarithmic scale.")
    with st.expander("Every tensor", icon=":material/table:"):
        st.dataframe([{
            "tensor": row.name, "kind": row.kind, "shape": "×".join(map(str, row.shape)),
            "numbers": row.count, "mean": row.mean, "deviation": row.deviation,
            "smallest": row.smallest, "largest": row.largest, "near zero": row.near_zero,
        } for row in rows], hide_index=True)


def comparison(choices: list[Choice], inspections) -> None:
    """Two checkpoints side by side."""
    from deformviz.analysis.compare import compare_models
    from deformviz.figures.weights import layer_differences

    found = compare_models(*(inspection.model for inspection in inspections))
    st.subheader("Side by side", anchor=False)
    names = [f"{choice.title} ({inspection.file})" if choice.iterations else choice.title
             for choice, inspection in zip(choices, inspections, strict=True)]
    st.markdown(f"**{names[0]}** and **{names[1]}**: {len(found.layers)} layers in common, "
                f"{len(found.settings)} settings differ.")
    if found.settings:
        st.dataframe([{"setting": name, "first": str(a), "second": str(b)}
                      for name, a, b in found.settings], hide_index=True)
    lost = [("only in the first", found.only_first), ("only in the second", found.only_second),
            ("of another shape", found.other_shape)]
    for words, keys in lost:
        if keys:
            with st.expander(f"{len(keys)} keys {words}"):
                st.code("\n".join(keys), language=None)
    if found.layers and found.relative == 0:
        st.success("The weights they have in common are equal, number by number.")
    elif found.layers:
        st.plotly_chart(layer_differences(found), key="differences", config=CONFIG,
                        alt="Relative difference of every layer between the two checkpoints.")
