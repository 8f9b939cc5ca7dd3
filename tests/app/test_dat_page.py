"""The page of deformed grids as a person meets it, and without torch."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app import runs
from deformviz.analysis.key_sets import key_sets
from deformviz.analysis.key_sets_store import pack_key_sets
from deformviz.checkpoints.load import load
from deformviz.tracing.packing import read_header
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import SHIPPED_GRIDS, read_index
from tests.app.test_explore import charts, png
from tests.app.visit import choose, here, settled, texts, visit

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.fixture
def page():
    return visit("dat")


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
    page.toggle(key="versions_on").set_value(True)
    settled(page)
    assert not page.exception
    assert len(charts(page)) == before + 1
    assert re.search(r"DAT\+\+ \| \+1\.17, \+1\.25", texts(page))


def test_another_layer_is_another_grid(page):
    page.run()
    layers = read_index(SHIPPED_GRIDS)[0].layers
    assert here(page).layer == layers[-1]
    choose(page, layer=layers[0]).run()
    assert not page.exception
    assert {metric.label for metric in page.metric} >= {"Stretch"}


@pytest.mark.parametrize("name", ["dat", "compare_attention"])
def test_a_learner_reads_the_lab_in_chinese(name):
    page = visit(name, lang="zh").run()
    assert not page.exception
    said = [each.value for each in (*page.markdown, *page.caption)]
    said += [each.label for each in (*page.metric, *page.expander, *page.toggle)]
    english = [text for text in said if re.search(r"[a-z]{3,} [a-z]{3,}", text)]
    assert not [text for text in english if not re.search("[\u4e00-\u9fff]", text)]
    assert len(said) > 4


def test_it_opens_without_torch():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; "
        "page = AppTest.from_file('app/pages.py', default_timeout=60); "
        "page.switch_page('views/dat.py').run(); "
        "assert not page.exception; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_five_attentions_are_shown_with_their_counts_and_costs():
    page = visit("compare_attention").run()
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


def test_five_attentions_look_at_a_picture_of_ones_own():
    page = visit("compare_attention").run()
    assert "rendered scenes only" not in texts(page)
    page.file_uploader[0].upload("mine.png", png(40, 60), "image/png").run()
    settled(page)
    assert not page.exception
    assert "have seen rendered scenes only" in texts(page) and "| Dense (ViT) |" in texts(page)
    run = runs.find(here(page).shown.key)
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
    settled(page)
    assert not page.exception
    assert "rendered scenes of one object only" in texts(page)
    labels = [metric.label for metric in page.metric]
    assert "Mean displacement" in labels and "Attention on the object" not in labels


def test_a_detector_is_sent_to_its_own_page(page, tiny_server):
    page.run()
    name = next(name for name in runs.list_models("grid") if name.endswith(".safetensors"))
    choose(page, model=name)
    settled(page)
    assert not page.exception
    assert "This model has no deformed grid" in texts(page)
