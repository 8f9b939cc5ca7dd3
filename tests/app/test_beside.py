"""A second picture beside the first: one thing is different, and the link says which."""

import json

import pytest
import torch

from app import runs, work
from app.second import Second, iteration_of, iterations, path_of
from app.views.beside import same_layer
from deformviz.checkpoints.own import save
from deformviz.models.dense_config import DETRConfig
from deformviz.models.detr import DETR
from tests.app.visit import SECONDS, address, here, me, settled, visit
from tests.tracing.test_dense_samples import SIZES


def test_the_layer_beside_is_of_the_same_part():
    layers = ("encoder.0", "decoder.0.self", "decoder.0", "decoder.1.self", "decoder.1")
    assert same_layer("decoder.1", layers) == "decoder.1"
    assert same_layer("decoder.5", layers) == "decoder.1"
    assert same_layer("encoder.4", layers) == "encoder.0"


@pytest.mark.parametrize(
    ("text", "kind", "which"),
    [
        ("", "", ""),
        ("layer:decoder.0", "layer", "decoder.0"),
        ("picture:garden", "picture", "garden"),
        ("training:316", "training", "316"),
        ("tiny.safetensors", "model", "tiny.safetensors"),
        ("hf:SenseTime/deformable-detr", "model", "hf:SenseTime/deformable-detr"),
    ],
)
def test_an_address_says_what_is_different_in_one_word(text, kind, which):
    second = Second.read(text)
    assert (second.kind, second.which) == (kind, which)
    assert second.text == text


def test_only_what_is_here_can_stand_beside():
    def is_here(text):
        return Second.read(text).is_here(["tiny"], ["wide"])

    assert all(map(is_here, ("", "tiny", "picture:wide", "training:0", "layer:encoder.7")))
    assert not any(map(is_here, ("huge", "picture:tall", "training:1", "training:now")))


def test_the_snapshots_of_the_recorded_training_are_models():
    assert iterations()[0] == 0
    assert all(iteration_of(f"training-{each}") == each for each in iterations())
    for name in ("training-1", "training-", "training-0x", "deformable-detr-scenes"):
        assert iteration_of(name) is None


def mounted(page):
    """What each picture of the page is handed, the first one first."""
    found = [json.loads(each.proto.json) for each in page.get("bidi_component")]
    return [data for data in found if "trace_url" in data]


@pytest.mark.parametrize(
    ("beside", "relation"),
    [("layer:encoder.0", "layer"), ("picture:tall", "picture"), ("dense.safetensors", "model")],
)
def test_a_link_shows_two_pictures_that_find_each_other(tiny_server, dense_file, beside, relation):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide", beside=beside))
    assert not page.exception
    assert here(page).beside == beside
    first, second = mounted(page)
    assert first["pair"] == {"name": "looked-at"}
    assert second["pair"] == {"name": "looked-at", "second": True, "relation": relation}
    assert first["trace_url"] != second["trace_url"]
    if relation == "layer":
        assert second["trace_url"].endswith("/encoder.0.bin")
        assert first["picture_url"] == second["picture_url"]


@pytest.mark.parametrize("beside", ["picture:nowhere", "training:7", "none.safetensors"])
def test_a_link_to_what_is_not_here_says_so_and_shows_one_picture(tiny_server, beside):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide", beside=beside))
    assert here(page).beside == ""
    assert len(me(page).notes) == 1
    assert len(mounted(page)) == 1


@pytest.fixture
def dense_file(tiny_model_folder):
    """A DETR beside the other model of the folder, which all tests share."""
    torch.manual_seed(3)
    path = tiny_model_folder / "dense.safetensors"
    save(DETR(DETRConfig(**SIZES)).eval(), path)
    yield path.name
    path.unlink()


def test_a_choice_of_a_kind_opens_a_choice_among_it(tiny_server):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide"))
    page.selectbox(key="beside").set_value("layer:").run()
    assert here(page).beside == "layer:decoder.0"  # of the same part as decoder.1, first
    page.selectbox(key="beside_layer").set_value("encoder.1").run()
    assert here(page).beside == "layer:encoder.1"
    assert mounted(page)[1]["trace_url"].endswith("/encoder.1.bin")
    page.selectbox(key="beside").set_value("").run()
    assert (here(page).beside, len(mounted(page))) == ("", 1)


def test_what_is_second_can_come_first(tiny_server):
    link = {"model": "tiny.safetensors", "picture": "wide", "layer": "decoder.1"}
    page = settled(visit("explore", **link, beside="layer:encoder.1"))
    page.button(key="beside_swap").click().run()
    assert (here(page).layer, here(page).beside) == ("encoder.1", "layer:decoder.1")
    page = settled(visit("explore", **link, beside="picture:tall"))
    page = settled(page.button(key="beside_swap").click().run())
    assert (here(page).picture, here(page).beside) == ("tall", "picture:wide")


def test_a_link_shows_detr_beside_deformable_detr(tiny_server, dense_file):
    page = settled(visit("explore", model="tiny.safetensors", beside=dense_file, picture="wide"))
    assert not page.exception
    assert page.selectbox(key="beside").value == dense_file
    names = [each.proto.component_name for each in page.get("bidi_component")]
    assert {"deformviz_sampling", "deformviz_dense"} <= set(names)


def test_a_worker_loads_the_weights_of_a_moment():
    from app.second import RUN
    from app.tasks.models import load_model
    from deformviz.analysis.replay import Replay
    from deformviz.tracing.labels import honesty_label, model_label

    model = load_model(path_of(iterations()[3]), 0)
    weights = Replay(RUN).folder.load_snapshot(iterations()[3])
    name = "transformer.encoder.layers.0.self_attn.sampling_offsets.bias"
    torch.testing.assert_close(model.state_dict()[name], weights[name].float())
    assert model_label(model) == f"training at iteration {iterations()[3]}"
    assert honesty_label(model) == f"trained on rendered scenes, {iterations()[3]} iterations"


@pytest.mark.slow
def test_two_moments_of_training_stand_beside_each_other():
    """The shipped room: the first picture is a snapshot, and so is the second."""
    last = iterations()[-1]
    page = settled(visit("explore", model=f"training-{last}", beside="training:0"))
    assert not page.exception
    first, second = mounted(page)
    assert second["pair"]["relation"] == "training"
    assert page.select_slider(key="beside_training").value == "0"
    assert address(page).get("model", f"training-{last}") == f"training-{last}"
    titles = {runs.snapshot(f"training-{each}").title for each in (0, last)}
    assert len(titles) == 2 and first["trace_url"] != second["trace_url"]
    work.settle(SECONDS)
