"""The page of deformed grids as a person meets it, and without torch."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import runs, session
from app.sources import list_sources
from deformviz.analysis.key_sets import key_sets
from deformviz.analysis.key_sets_store import pack_key_sets
from deformviz.checkpoints.load import load
from deformviz.tracing.packing import read_header
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import SHIPPED_GRIDS, read_index
from tests.app.test_explore import charts, png, texts

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.fixture
def page():
    return AppTest.from_file(str(ROOT / "app" / "views" / "dat.py"), default_timeout=SECONDS)


def test_it_opens_on_a_stored_picture_with_its_statistics(page):
    page.run()
    assert not page.exception
    assert "Where does the grid bend?" in texts(page)
    labels = {metric.label: metric.value for metric in page.metric}
    assert labels["Mean displacement"].endswith("cells")
    assert int(labels["Attention on the object"].rstrip("%")) > int(
        labels["Undeformed knots on it"].rstrip("%")
    )


def test_the_codes_are_compared_on_demand(page):
    page.run()
    before = len(charts(page))
    page.toggle(key="versions_on").set_value(True).run()
    assert not page.exception
    assert len(charts(page)) == before + 1
    assert re.search(r"DAT\+\+ \| \+1\.17, \+1\.25", texts(page))


def test_another_layer_is_another_grid(page):
    page.run()
    layers = read_index(SHIPPED_GRIDS)[0].layers
    assert page.session_state["layer"] == layers[-1]
    page.session_state["layer"] = layers[0]
    page.run()
    assert not page.exception
    assert {metric.label for metric in page.metric} >= {"Stretch"}


def test_pages_of_different_rooms_keep_their_pictures():
    code = """
from app import session
import streamlit as st
st.session_state.setdefault("picture", "garden")
session.enter(session.GRID)
assert "picture" not in st.session_state
st.session_state["picture"] = "single-cat"
session.enter(session.SAMPLING)
st.title(st.session_state["picture"])
session.enter(session.GRID)
st.header(st.session_state["picture"])
"""
    page = AppTest.from_string(code, default_timeout=SECONDS).run()
    assert not page.exception
    assert (page.title[0].value, page.header[0].value) == ("garden", "single-cat")


def test_it_opens_without_torch():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; "
        "page = AppTest.from_file('app/views/dat.py', default_timeout=60).run(); "
        "assert not page.exception; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_five_attentions_are_shown_with_their_counts_and_costs():
    page = AppTest.from_file(
        str(ROOT / "app" / "views" / "compare_attention.py"), default_timeout=SECONDS
    ).run()
    assert not page.exception
    said = texts(page)
    for kind, keys in (
        ("Dense (ViT)", 144),
        ("Shifted windows (Swin)", 16),
        ("Deformable convolution (DCNv2)", 9),
        ("Deformable attention (Deformable DETR)", 16),
        ("Deformed grid (DAT)", 144),
    ):
        row = next(line for line in said.splitlines() if line.startswith(f"| {kind} |"))
        assert f"| {keys} |" in row


def settle(page, room=session.GRID):
    """Wait for the run of the chosen picture and model, then see the page."""
    state = page.session_state
    known = list_sources(session.stored_traces(room))
    source = state["own_picture"] if state["picture"] == "upload" else known[state["picture"]]
    model = runs.list_models(room)[state["model"]]
    session.QUEUE.wait(runs.key_of(source, model), SECONDS)
    return page.run()


def test_five_attentions_look_at_a_picture_of_ones_own():
    page = AppTest.from_file(
        str(ROOT / "app" / "views" / "compare_attention.py"), default_timeout=SECONDS
    ).run()
    assert "rendered scenes only" not in texts(page)
    page.file_uploader[0].upload("mine.png", png(40, 60), "image/png").run()
    settle(page, session.KEYS)
    assert not page.exception
    assert "have seen rendered scenes only" in texts(page) and "| Dense (ViT) |" in texts(page)
    run = runs.find(page.session_state["shown"]["key"])
    models = load("deformable-detr-scenes"), load("dat-scenes")
    shown, expected = (
        gzip.decompress(run.layer_gzip("key-sets")),
        pack_key_sets(key_sets(read_picture(png(40, 60)), *models), (40, 60)),
    )
    header = read_header(shown)[0]
    places = sum(
        (1 if one["shared"] else header["queries"]) * one["keys"] * 2 for one in header["sets"]
    )
    found, wanted = (
        np.frombuffer(blob, "<f4", places, read_header(blob)[1]) for blob in (shown, expected)
    )
    np.testing.assert_allclose(found, wanted, atol=1e-4)  # threads round otherwise


def test_a_picture_of_ones_own_gets_a_grid_and_a_warning(page):
    page.run()
    page.file_uploader[0].upload("mine.png", png(40, 60), "image/png").run()
    settle(page)
    assert not page.exception
    assert "rendered scenes of one object only" in texts(page)
    labels = [metric.label for metric in page.metric]
    assert "Mean displacement" in labels and "Attention on the object" not in labels


def test_a_detector_is_sent_to_its_own_page(page, tiny_server):
    page.run()
    name = next(name for name in runs.list_models(session.GRID) if name.endswith(".safetensors"))
    page.session_state["model"] = name
    page.run()
    settle(page)
    assert not page.exception
    assert "This model has no deformed grid" in texts(page)
