"""A new system is one record: every page opens with it, names it, or says why it is not shown."""

import numpy as np
import pytest

from app import runs, work
from app.rooms import PAGES
from deformviz import systems
from deformviz.checkpoints.own import save
from tests.app.toy_system import toy_model
from tests.app.visit import here, settled, texts, visit

FILE = "toy.safetensors"
RECORD = "tests.app.toy_system:TOY"


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    before = dict(systems.SYSTEMS)
    systems.take_in([RECORD])
    save(toy_model(), folder / FILE)
    yield folder
    systems.SYSTEMS.clear()
    systems.SYSTEMS.update(before)


@pytest.fixture
def toy(toy_folder, tiny_server, monkeypatch):
    """A server whose operator brought a system of their own."""
    monkeypatch.setenv("DEFORMVIZ_CHECKPOINTS", str(toy_folder))
    monkeypatch.setenv(systems.MORE, RECORD)
    for lane in work.LANES.values():
        lane.worker.end()  # the next one is told of the record
    yield toy_folder
    for lane in work.LANES.values():
        lane.worker.end()


def test_pages_of_its_room_name_it_and_draw_its_samples(toy):
    page = settled(visit("explore", model=FILE))
    assert not page.exception and not page.error and not page.info
    run = runs.find(here(page).shown.key)
    assert run.layers == ("encoder.0", "decoder.0.self", "decoder.0")
    assert "toy" in page.selectbox(key="model_widget").options
    drawn = runs.unpacked(run, "decoder.0")
    assert drawn.weights.shape == (5, 2, 2, 3)
    np.testing.assert_allclose(drawn.weights.sum(axis=(2, 3)), 1, atol=1e-3)


def test_its_checkpoint_is_taken_apart_by_its_own_description(toy):
    page = settled(visit("checkpoint", checkpoint=FILE))
    assert not page.exception
    said = texts(page)
    assert "A **toy**" in said and "Where every head looks by default" in said
    labels = [button.label for button in page.button]
    assert "Explore where it looks" in labels and "Do its weights mean anything?" in labels
    assert "See its deformed grids" not in labels


def test_from_its_checkpoint_one_goes_straight_to_its_picture(toy):
    page = settled(visit("checkpoint", checkpoint=FILE))
    page.button(key="go_views/explore.py").click().run()
    settled(page.switch_page("views/explore.py"))
    assert here(page).model == FILE and not page.exception


WHY_NOT = {
    "dat": "This model has no deformed grid",
    "compare_attention": "compares the shipped models",
    "costs": "which this page does not know",
    "training": "replays recorded trainings",
    "learn": "which this page does not know",
    "myths": "which this page does not know",
    "recordings": "recorded of a model of their own",
    "survey": "which this page does not know",
}
SHOWN = {"explore", "checkpoint", "walkthrough", "attribution"}
OWN_MODELS = {"learn", "notes", "start"}  # lessons and notes bring theirs


def test_every_page_is_opened_here():
    assert SHOWN | OWN_MODELS | set(WHY_NOT) == {page.name for page in PAGES}


@pytest.mark.parametrize("name", sorted({*WHY_NOT, *OWN_MODELS, "walkthrough", "attribution"}))
def test_every_other_page_opens_with_it_or_says_why_not(toy, name):
    page = settled(visit(name, model=FILE))
    assert not page.exception
    said = texts(page)
    if name in WHY_NOT:
        assert WHY_NOT[name] in said
    elif name not in OWN_MODELS:
        assert here(page).model == FILE and not page.error
