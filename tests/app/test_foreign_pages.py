"""A model that transformers builds, in the folder of checkpoints: pages show it or say why not."""

import numpy as np
import pytest

from app import runs
from app.tasks import pictures
from tests.app.visit import here, settled, texts, visit
from tests.tracing.looked_at import processor_of
from tests.tracing.transformers_families import build

FOLDER = "rt-detr-small"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("transformers")
    made = tmp_path_factory.mktemp("theirs")
    build("rt_detr").save_pretrained(made / FOLDER)
    processor_of("rt_detr").save_pretrained(made / FOLDER)
    return made


@pytest.fixture
def theirs(folder, tiny_server, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_CHECKPOINTS", str(folder))
    return folder


def test_explore_draws_its_samples(theirs):
    page = settled(visit("explore", model=FOLDER))
    assert not page.exception and not page.error
    run = runs.find(here(page).shown.key)
    assert run.layers == ("decoder.0", "decoder.1") and run.backend.startswith("transformers 5.")
    drawn = runs.unpacked(run, "decoder.1")
    assert drawn.weights.shape == (11, 4, 3, 3)
    np.testing.assert_allclose(drawn.weights.sum(axis=(2, 3)), 1, atol=1e-3)
    assert drawn.header["proof"]["difference"] < 1e-6
    assert drawn.header["frame"]["padded_hw"] == [64, 96]  # as its own processor says


def test_its_checkpoint_says_how_pictures_are_fed_and_leads_to_explore_alone(theirs):
    page = settled(visit("checkpoint", checkpoint=FOLDER))
    assert not page.exception and not page.error
    said = texts(page)
    assert "A **rt_detr** (RTDetrForObjectDetection)" in said
    for fact in ("do_normalize = False", "'height': 64, 'width': 96"):
        assert fact in said
    assert "runs as transformers builds it" in said
    assert [button.key for button in page.button if str(button.key).startswith("go_")] == [
        "go_views/explore.py"
    ]


WHY_NOT = {
    "walkthrough": "The equations follow detectors of the DETR family",
    "attribution": "what an answer rests on is asked of deformviz's own systems",
    "training": "replays recorded trainings",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHY_NOT)
def test_what_a_page_cannot_do_with_it_is_one_sentence(theirs, name):
    page = settled(visit(name, model=FOLDER))
    assert not page.exception
    assert WHY_NOT[name] in texts(page)


def test_a_processor_that_resizes_nothing_is_told_apart(theirs):
    network = build("rt_detr")
    network.processor = processor_of("rt_detr")
    assert pictures._resizes(network)
    network.processor.do_resize = False
    assert not pictures._resizes(network)
