"""What the Checkpoint page shows of one file."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.tasks.checkpoints import Looked
from deformviz.analysis.architecture import Architecture
from deformviz.analysis.weight_records import HeadLikeness, OffsetStar, TensorStatistics
from deformviz.checkpoints.report import LoadReport
from deformviz.systems import SYSTEMS
from deformviz.words import say
from deformviz.words.markdown import code, plain, quoting, visible

CONFIG = {"displayModeBar": False}
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
</style>"""
STARS_IN_A_ROW = 3
EXAGGERATIONS = (1, 3, 10)


def one_checkpoint(title: str, found: Looked, go_on: Callable[[], None]) -> None:
    """Report, the way to other pages, architecture, stars, heads and statistics of one file."""
    if found.problem:
        st.error(quoting(found.problem), icon=":material/block:")
    report = found.report
    if report is None:
        return
    st.subheader(plain(title), anchor=False)
    st.markdown(_sentence(report, found.size_bytes))
    if not found.problem:
        go_on()
    _report_details(report)
    if found.architecture is None and not found.problem:
        st.info(say("foreign.checkpoint"), icon=":material/inventory_2:")
        _statistics(found.statistics)
    if found.architecture is not None:
        _architecture(found.architecture)
        _stars(found.stars)
        _heads(found.heads)
        _statistics(found.statistics)


def told(value) -> str:
    """The value of a setting; a dash where a model has no such setting."""
    return "–" if value is None else visible(str(value))


def _sentence(report: LoadReport, size_bytes: int) -> str:
    assumed = ", ".join(plain(f"{item.name} = {item.value!r}") for item in report.assumed)
    system = SYSTEMS.get(report.system)
    return (
        f"A **{system.title if system is not None else plain(report.system)}** "
        f"({plain(report.variant)}) in the "
        f"key layout *{report.layout}*: {report.matched} keys matched, {size_bytes / 1e6:.1f} "
        f"MB." + (f" Assumed: {assumed}." if assumed else "")
    )


def _report_details(report: LoadReport) -> None:
    misfits = report.misfits()
    with st.expander(
        "Every size, assumption and misfit", icon=":material/receipt_long:", expanded=bool(misfits)
    ):
        for assumption in report.assumed:
            st.markdown(
                f"- assumed {code(f'{assumption.name} = {assumption.value!r}')}: "
                f"{plain(assumption.source)}"
            )
        if misfits:
            st.dataframe(
                [
                    {"what": kind.replace("_", " "), "key": visible(key), "likely": reason}
                    for kind, key, reason in misfits
                ],
                hide_index=True,
            )
        st.dataframe(
            [{"setting": name, "value": told(value)} for name, value in report.sizes.items()],
            hide_index=True,
            height=240,
        )
        facts = {name: value for name, value in report.metadata.items() if name != "config"}
        if facts:
            st.dataframe(
                [{"fact": visible(name), "value": told(value)} for name, value in facts.items()],
                hide_index=True,
            )
        if report.filled or report.ignored:
            st.caption(
                f"{len(report.filled)} keys were filled in with weights they share, "
                f"{len(report.ignored)} keys without a use were left out."
            )


def _architecture(found: Architecture) -> None:
    from deformviz.figures.architecture import architecture_html, short_number

    height, width = found.input_hw
    facts = [
        ("Parameters", short_number(found.parameters), ""),
        (f"Multiply-adds at {height} × {width}", short_number(found.multiply_adds), ""),
    ]
    if found.published:
        paper = found.published
        facts += [
            (
                "Parameters, paper",
                f"{paper.millions:g} M",
                f"What {paper.source} states of {paper.name}.",
            ),
            (
                "FLOPs, paper",
                f"{paper.giga:g} G",
                f"What {paper.source} states of {paper.name}. It counts a "
                "multiply-add as one FLOP; Deformable DETR averages over COCO's pictures.",
            ),
        ]
    st.subheader("The model, part by part", anchor=False)
    with st.container(horizontal=True, gap="large"):
        for label, value, meaning in facts:
            st.metric(label, value, help=meaning or None, width="content")
    st.html(architecture_html(found))


def _stars(stars: dict[str, OffsetStar]) -> None:
    from deformviz.figures.legend import marks_legend

    if not stars:
        return
    st.subheader("Where every head looks by default", anchor=False)
    st.markdown(
        "Before it has seen a query, a head samples in a star around the reference point: "
        "the bias of `sampling_offsets`. Every mark is a sampling point, every cross where "
        "training puts it at first."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        heads, levels = next(iter(stars.values())).trained.shape[:2]
        st.html(marks_legend(heads, levels, more="✕ where training starts"), width="content")
        exaggerated = st.segmented_control(
            "Movement drawn",
            EXAGGERATIONS,
            default=EXAGGERATIONS[0],
            required=True,
            format_func=lambda times: f"{times} ×" if times > 1 else "as it is",
            key="exaggerated",
            width="content",
        )
    names = list(stars)
    for first in range(0, len(names), STARS_IN_A_ROW):
        columns = st.columns(STARS_IN_A_ROW, gap="medium")
        for column, name in zip(columns, names[first : first + STARS_IN_A_ROW], strict=False):
            with column:
                star_chart(name, stars[name], key=f"star-{name}", exaggerated=exaggerated)


def star_chart(title: str, star: OffsetStar, *, key: str, exaggerated: float = 1.0) -> None:
    """One star, with its numbers in words."""
    from deformviz.figures.weights import offset_star_chart

    unit = "box shares" if star.per_box else "cells"
    st.markdown(
        f"**{title}**  \n:small[:gray[moved by {star.moved.mean():.2f} {unit}; a query "
        f"adds {100 * star.query_share:.0f} %]]",
        help="Mean distance from where training starts, and what a query whose "
        "channels have size 1 adds, as a share of the star's size.",
    )
    st.plotly_chart(
        offset_star_chart(star, exaggerated),
        key=key,
        config=CONFIG,
        alt=f"Offset star of {title}, trained and initial.",
    )


def _heads(found: dict[str, HeadLikeness]) -> None:
    from deformviz.figures.weights import likeness_map

    if not found:
        return
    st.subheader("How alike are its heads?", anchor=False)
    st.markdown("Orange: two heads do the same. Blue: the opposite. Pale: nothing in common.")
    name = st.segmented_control(
        "Layer", list(found), default=list(found)[-1], required=True, key="likeness_layer"
    )
    first, second, cosine = found[name].most_alike
    shown = [
        (
            "What they pass on",
            f"Cosines between their maps from value to output; "
            f"heads {first} and {second} are closest, {cosine:.2f}.",
            found[name].passes_on,
        )
    ]
    looks = found[name].looks
    if looks is not None:
        shown.append(("Where they look", "Cosines between their parts of the star.", looks))
    for column, (title, meaning, cosines) in zip(st.columns(2, gap="medium"), shown, strict=False):
        with column:
            st.markdown(f"**{title}**  \n:small[:gray[{meaning}]]")
            st.plotly_chart(
                likeness_map(cosines, title.lower()),
                key=f"likeness-{title}",
                config=CONFIG,
                alt=f"{title}: cosines between the heads of {name}.",
            )


def _statistics(rows: tuple[TensorStatistics, ...]) -> None:
    from deformviz.figures.weights import weight_sizes

    st.subheader("Weights in numbers", anchor=False)
    st.markdown("Every mark is a tensor: how large its numbers typically are.")
    st.plotly_chart(
        weight_sizes(rows),
        key="weight-sizes",
        config=CONFIG,
        alt="Root mean square of every tensor of the model, on a logarithmic scale.",
    )
    with st.expander("Every tensor", icon=":material/table:"):
        st.dataframe(
            [
                {
                    "tensor": row.name,
                    "kind": row.kind,
                    "shape": "×".join(map(str, row.shape)),
                    "numbers": row.count,
                    "mean": row.mean,
                    "deviation": row.deviation,
                    "smallest": row.smallest,
                    "largest": row.largest,
                    "near zero": row.near_zero,
                }
                for row in rows
            ],
            hide_index=True,
        )
