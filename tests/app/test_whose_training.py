"""A live training belongs to who started it, and to who sits at the server's own machine."""

import pytest
from streamlit.testing.v1 import AppTest


def may_it():
    """A page that says whether its visitor may stop a training."""
    import streamlit as st

    from app import training_runs, visitor
    from app.recorded_runs import LIVE

    mine = st.session_state["is_mine"]
    training_runs._started_by()[LIVE] = visitor.me().name if mine else "somebody else"
    st.text(f"may steer: {training_runs.may_steer()}")


@pytest.mark.parametrize(
    "shared, is_mine, answer", [(True, True, True), (True, False, False), (False, False, True)]
)
def test_who_may_pause_and_stop_it(monkeypatch, shared, is_mine, answer):
    monkeypatch.setenv("DEFORMVIZ_LAN", "1" if shared else "")
    page = AppTest.from_function(may_it)
    page.session_state["is_mine"] = is_mine
    page.run()
    assert not page.exception
    assert page.text[0].value == f"may steer: {answer}"
