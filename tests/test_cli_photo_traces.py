"""`deformviz make-photo-traces` against a hub on this machine, and what the gallery makes of it."""

import pytest
from PIL import Image

import deformviz as dv
from app.rooms import ROOMS, every_stored
from app.runs import finished, list_models
from app.sources import list_sources
from deformviz.checkpoints.downloads import DOWNLOADS, Download, Golden
from deformviz.cli import main
from deformviz.cli.make_photo_traces import MOST_BYTES, PHOTOGRAPHS, last_decoders
from deformviz.tracing.packing import PackedLayer
from tests.checkpoints.local_hub import local_hub, tiny_repository

NAME = "hf:somebody/tiny"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder of traces, published numbers that agree, the picture) after the command ran."""
    folder = tmp_path_factory.mktemp("photos")
    files = tiny_repository(shortest_edge=64, longest_edge=96)
    picture = folder / "picture.png"
    Image.effect_noise((50, 40), 80).convert("RGB").save(picture)
    with pytest.MonkeyPatch.context() as patched, local_hub({"somebody/tiny": files}) as hub:
        patched.setenv("HF_ENDPOINT", hub.address)
        patched.setenv("DEFORMVIZ_CACHE", str(folder / "cache"))
        patched.delenv("HF_HUB_OFFLINE", raising=False)
        output = dv.run(dv.load(NAME), picture).output
        rows = lambda tensor: tuple(tuple(row[:3].tolist()) for row in tensor[:3])  # noqa: E731
        golden = Golden(rows(output.logits), rows(output.boxes_cxcywh))
        wrong = Golden(golden.logits, tuple((9.0, 9.0, 9.0) for _ in range(3)))
        command = ["make-photo-traces", "--model", NAME, "--to", str(folder / "traces")]
        command += ["--picture", str(picture)]
        statuses = []
        for numbers in (wrong, golden):
            record = Download(NAME, NAME, 1, "MIT", "a test", golden=numbers)
            patched.setitem(DOWNLOADS, NAME, record)
            statuses.append((main(command), (folder / "traces").exists()))
    return folder / "traces", statuses


def test_what_is_not_as_published_is_not_stored(made):
    assert made[1] == [(2, False), (0, True)]


def test_every_photograph_is_stored_within_the_bound(made, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_PHOTOS", str(made[0]))
    photos = ROOMS["sampling"].photos()[NAME]
    assert list(photos) == [name.partition(".")[0] for name in PHOTOGRAPHS]
    for trace in photos.values():
        assert trace.layers == ("decoder.0", "decoder.1")
        assert isinstance(trace.layer("decoder.1"), PackedLayer)
        assert trace.honesty == "trained on COCO's photographs by its authors"
        assert trace in every_stored()  # so that its address is served
    size = sum(path.stat().st_size for path in made[0].rglob("*") if path.is_file())
    assert size < MOST_BYTES


def test_the_gallery_shows_them_without_the_model(made, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFORMVIZ_PHOTOS", str(made[0]))
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path))
    model = list_models()[NAME]
    sources = list_sources(ROOMS["sampling"].stored())
    assert finished(sources["chelsea"], model).name == "chelsea"
    assert finished(sources["garden"], model) is None
    assert sources["chelsea"].group == "photograph" and sources["chelsea"].stored is None


def test_the_last_decoder_layers_are_kept():
    layers = ("encoder.0", "decoder.0.self", "decoder.0", "decoder.1.self", "decoder.1")
    assert last_decoders(layers, 1) == ("decoder.1",)
    assert last_decoders(layers, 3) == ("decoder.0", "decoder.1")
