"""What the Checkpoint page shows of two files side by side."""

from __future__ import annotations

import streamlit as st

from app.checkpoint_files import Choice
from app.views.checkpoint_parts import CONFIG, star_chart, told


def comparison(choices: list[Choice], inspections) -> None:
    """What tells two checkpoints apart: settings, keys, layers, and their stars."""
    from deformviz.analysis.compare import compare_models

    found = compare_models(*(inspection.model for inspection in inspections))
    names = [
        _name(choice, inspection) for choice, inspection in zip(choices, inspections, strict=True)
    ]
    st.subheader("Side by side", anchor=False)
    st.markdown(
        f"**A** is {names[0]}, **B** is {names[1]}. They have {len(found.layers)} layers "
        f"in common; {len(found.settings)} settings differ."
    )
    if found.settings:
        st.dataframe(
            [{"setting": name, "A": told(a), "B": told(b)} for name, a, b in found.settings],
            hide_index=True,
        )
    for words, keys in (
        ("only in A", found.only_first),
        ("only in B", found.only_second),
        ("of another shape", found.other_shape),
    ):
        if keys:
            with st.expander(f"{len(keys)} keys {words}"):
                st.code("\n".join(keys), language=None)
    if found.layers and found.relative == 0:
        st.success("The weights they have in common are equal, number by number.")
    elif found.layers:
        _differences(found)
    _stars_of_both(inspections)


def _name(choice: Choice, inspection) -> str:
    if choice.iterations:
        return f"{choice.title} at iteration {int(inspection.report.metadata['iteration']):,}"
    return choice.title


def _differences(found) -> None:
    from deformviz.analysis.verdict import percent
    from deformviz.figures.weights import layer_differences

    most = max(found.layers, key=lambda layer: layer.relative)
    least = min(found.layers, key=lambda layer: layer.relative)
    st.markdown(
        f"**{most.layer}** differs most, by {percent(most.relative)} of its size in A, "
        f"**{least.layer}** least, by {percent(least.relative)}."
    )
    st.plotly_chart(
        layer_differences(found),
        key="differences",
        config=CONFIG,
        alt="Relative difference of every layer between the two checkpoints.",
    )


def _stars_of_both(inspections) -> None:
    """The offset star of one layer in either file, where both have it."""
    from deformviz.analysis.weights import offset_stars

    stars = [offset_stars(inspection.model) for inspection in inspections]
    both = [name for name in stars[0] if name in stars[1]]
    if not both:
        return
    name = st.segmented_control(
        "Star of layer", both, default=both[-1], required=True, key="star_layer"
    )
    for column, letter, of in zip(st.columns(2, gap="medium"), "AB", stars, strict=True):
        with column:
            star_chart(f"{letter}: {name}", of[name], key=f"star-{letter}")
