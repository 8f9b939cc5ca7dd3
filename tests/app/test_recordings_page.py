"""Recordings of other models on the page: listed, opened, and refused in a sentence."""

import shutil

import pytest

from app import controls, work
from deformviz.tracing.packing import unpack_layer
from tests.app.visit import me, settled, texts, visit
from tests.tracing.looked_at import looked_at


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a D-FINE that has unequal points, and half of the same file."""
    pytest.importorskip("transformers")
    made = tmp_path_factory.mktemp("recordings")
    whole = looked_at("d_fine", title="A room").save(made / "whole.deformviz")
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
def test_a_link_opens_a_layer_and_another_one_can_be_chosen(folder, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_RECORDINGS", str(folder))
    page = settled(visit("recordings", recording="whole", layer="decoder.0"))
    assert page.selectbox(key="recorded_layer_widget").value == "decoder.0"
    page.selectbox(key="recorded_layer_widget").set_value("decoder.1").run()
    assert not page.exception and me(page).recording_layer == "decoder.1"


@pytest.mark.usefixtures("tiny_server")
def test_a_recording_dropped_among_pictures_opens_on_its_own_page_and_stays(folder, monkeypatch):
    monkeypatch.delenv("DEFORMVIZ_RECORDINGS", raising=False)
    page = settled(visit("explore"))
    data = (folder / "whole.deformviz").read_bytes()
    page.file_uploader[0].upload("mine.deformviz", data, "application/octet-stream").run()
    assert "What somebody recorded" in texts(page)  # led there at once
    settled(page.switch_page("views/recordings.py"))
    assert not page.exception
    assert page.selectbox(key="recording_widget").value == "mine"
    assert me(page).own_picture is None and not me(page).recording_calls
    page.selectbox(key="recorded_layer_widget").set_value("decoder.0").run()
    assert page.selectbox(key="recording_widget").value == "mine"
    assert me(page).recording_layer == "decoder.0" and "Replayed: " in texts(page)


@pytest.mark.usefixtures("tiny_server")
def test_a_picture_too_large_is_said_before_it_is_kept(monkeypatch):
    monkeypatch.setattr(controls, "LARGEST_PICTURE_MB", 0.001)
    page = settled(visit("explore"))
    page.file_uploader[0].upload("huge.png", bytes(2000), "image/png").run()
    assert "larger than 0.001 MB" in texts(page) and me(page).own_picture is None


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
