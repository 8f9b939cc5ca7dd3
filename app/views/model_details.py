"""Who computed what is on show: the op, the model's file, and what had to be assumed about it."""

from __future__ import annotations

import streamlit as st

from app import runs
from app.session import load_model

STORED = "Stored numbers of this model, rounded to 16 bits; nothing was computed for this picture."
# Options of the model in which a recipe may differ from the published one, in words.
RECIPE = {
    "backbone": "backbone",
    "content_queries": "content of the queries",
    "query_position": "position of the queries",
    "position_frequencies": "sine frequencies",
    "proposal_base_size": "size of the proposals' anchors",
    "proposal_score": "score of a proposal",
}


def origin(run: runs.Run) -> str:
    """In one line, which op computed the numbers on show."""
    backend = getattr(run, "backend", "")
    return f"Computed here with the attention op “{backend}”." if backend else STORED


@st.fragment
def model_details(model: runs.ModelChoice) -> None:
    """How the model was loaded; nothing is loaded before somebody asks."""
    details = st.expander(
        "About this model", icon=":material/inventory_2:", key="about_model", on_change="rerun"
    )
    if not details.open:
        return
    with details:
        try:
            with st.spinner("Reading the checkpoint"):
                network = load_model(model.path, model.stamp)
        except (ValueError, OSError, RuntimeError) as problem:
            st.markdown(str(problem).partition("\n")[0])
            return
        st.markdown(_report_text(network.load_report))
        if differences := recipe_differences(network):
            st.markdown(
                "Where this model's recipe differs from the published one:\n\n"
                + "\n".join(f"- {line}" for line in differences)
            )
        st.caption(runs.backend_of(network))


def _report_text(report) -> str:
    assumed = [f"`{item.name} = {item.value!r}`: {item.source}" for item in report.assumed]
    found = (
        f"**{report.system}**, {report.variant}: {report.parameters / 1e6:.2f} M parameters, "
        f"{report.matched} keys matched, file layout *{report.layout}*."
    )
    if not assumed:
        return f"{found} Nothing had to be assumed: the file says all that the weights cannot."
    return f"{found}\n\nAssumed, because the weights cannot tell:\n\n" + "\n".join(
        f"- {line}" for line in assumed
    )


def recipe_differences(network) -> list[str]:
    """Options of a Deformable DETR that are not those of the published variants, in words."""
    from deformviz.models.detector_config import DeformableDETRConfig

    config, published = getattr(network, "config", None), DeformableDETRConfig(classes=1)
    if not isinstance(config, DeformableDETRConfig):
        return []
    return [
        f"{words}: `{getattr(config, name)}` instead of `{getattr(published, name)}`"
        for name, words in RECIPE.items()
        if getattr(config, name) != getattr(published, name)
    ]
