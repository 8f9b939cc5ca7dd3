"""Who computed what is on show: the op, the model's file, and what had to be assumed about it."""

from __future__ import annotations

import streamlit as st

from app import runs, visitor, work
from app.tasks.checkpoints import Described
from app.tasks.pictures import ComputedRun
from app.waiting import answer_or_wait
from deformviz.checkpoints.report import LoadReport
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import code, plain

# Options of the model in which a recipe may differ from the published one, in words.
RECIPE = {
    "backbone": "backbone",
    "content_queries": "content of the queries",
    "query_position": "position of the queries",
    "position_frequencies": "sine frequencies",
    "proposal_base_size": "size of the proposals' anchors",
    "proposal_score": "score of a proposal",
}


def origin(run: StoredTrace) -> str:
    """In one line, which op computed the numbers on show."""
    if isinstance(run, ComputedRun):
        return say("model.computed", backend=plain(run.backend))
    return say("model.stored")


@st.fragment
def model_details(model: runs.ModelChoice) -> None:
    """How the model was loaded; nothing is loaded before somebody asks."""
    details = st.expander(
        "About this model", icon=":material/inventory_2:", key="about_model", on_change="rerun"
    )
    if not details.open:
        return
    with details:
        key = work.key_of("model", model.path, model.stamp)
        found: Described | None = answer_or_wait(
            key,
            model.title,
            lambda: work.kept(key),
            lambda: work.ask(
                key,
                "app.tasks.checkpoints:describe",
                (model.path, model.stamp, tuple(RECIPE)),
                visitor=visitor.me().name,
            ),
        )
        if found is None:
            return
        st.markdown(_report_text(found.report))
        if found.differences:
            st.markdown(
                "Where this model's recipe differs from the published one:\n\n"
                + "\n".join(
                    f"- {RECIPE[name]}: {code(str(here))} instead of {code(str(published))}"
                    for name, here, published in found.differences
                )
            )
        st.caption(plain(found.backend))
        ran_on = found.cuda_ran_on
        st.caption(say("model.cuda.ran", gpu=ran_on) if ran_on else say("model.cuda.never"))


def _report_text(report: LoadReport) -> str:
    assumed = [
        f"{code(f'{item.name} = {item.value!r}')}: {plain(item.source)}" for item in report.assumed
    ]
    found = (
        f"**{plain(report.system)}**, {plain(report.variant)}: "
        f"{report.parameters / 1e6:.2f} M parameters, "
        f"{report.matched} keys matched, file layout *{report.layout}*."
    )
    if not assumed:
        return f"{found} Nothing had to be assumed: the file says all that the weights cannot."
    return f"{found}\n\nAssumed, because the weights cannot tell:\n\n" + "\n".join(
        f"- {line}" for line in assumed
    )
