"""Recordings of other models on the page: listed, opened, and refused in a sentence."""

import shutil

import numpy as np
import pytest

import deformviz as dv
from app import work
from deformviz.tracing.packing import unpack_layer
from tests.app.visit import settled, texts, visit
from tests.tracing.transformers_families import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a D-FINE that has unequal points, and half of the same file."""
    transformers = pytest.importorskip("transformers")
    made = tmp_path_factory.mktemp("recordings")
    picture = np.random.default_rng(3).integers(0, 256, (90, 144, 3), dtype=np.uint8)
    processor = transformers.RTDetrImageProcessorPil(size={"height": 64, "width": 96})
    recording = dv.look(build("d_fine"), picture, processor=processor, title="A room")
    whole = recording.save(made / "whole.deformviz")
    shutil.copy(whole, made / "half.deformviz")
    (made / "half.deformviz").write_bytes(whole.read_bytes()[:20_000])
    return made


@pytest.mark.usefixtures("tiny_server")
def test_a_recording_of_the_folder_is_opened_with_its_proof(folder, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_RECORDINGS", str(folder))
    page = settled(visit("recordings", recording="whole"))
    assert not page.exception
    assert "Replayed: " in texts(page)
    path = folder / "whole.deformviz"
    run = work.kept(work.key_of("recording", path, path.stat().st_mtime_ns))
    assert run.layers == ("decoder.0", "decoder.1") and run.title == "A room"
    assert unpack_layer(run.layer_gzip("decoder.1")).header["points_per_level"] == [3, 4, 2]


@pytest.mark.usefixtures("tiny_server")
def test_half_a_recording_is_refused_in_a_sentence(folder, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_RECORDINGS", str(folder))
    page = settled(visit("recordings", recording="half"))
    assert not page.exception
    assert "half.deformviz" in texts(page)


@pytest.mark.usefixtures("tiny_server")
def test_without_a_recording_the_page_says_how_to_make_one(monkeypatch):
    monkeypatch.delenv("DEFORMVIZ_RECORDINGS", raising=False)
    (note,) = (note.value for note in settled(visit("recordings")).info)
    assert "deformviz look MODEL PICTURE" in note
