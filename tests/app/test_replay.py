"""The replay behind the Training page: runs, frames, manifests, and what the page says."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import recorded_runs, replays, work
from app.replay.routes import replay_routes
from app.rooms import ROOMS
from app.sources import list_sources, own_picture
from app.tasks import replay_view
from app.tasks.replays import object_mask
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.packing_grid import unpack_grid
from deformviz.training.dat import DATTraining
from deformviz.training.loop import DetectorTraining
from deformviz.training.recorder import Recorder, every
from deformviz.training.run_folder import RunFolder
from tests.analysis.test_recorded_run import tiny_recipe
from tests.app.visit import here, texts, visit
from tests.training.test_dat import tiny_recipe as tiny_dat
from tests.training.test_recorder import gaze, train

ROOT = Path(__file__).parents[2]
SECONDS = 120


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "tiny")
    for _ in DetectorTraining(tiny_recipe(), folder).run(record_every=1):
        pass
    return folder.path


@pytest.fixture
def followed(tiny_run, tiny_server, monkeypatch):
    """A server that follows the tiny run and ships none."""
    monkeypatch.setenv(recorded_runs.FOLLOWED, str(tiny_run))
    monkeypatch.setattr(recorded_runs, "SHIPPED_RUNS", tiny_run / "none")
    return tiny_run


@pytest.fixture
def page(followed):
    return visit("training")


def sample():
    return next(iter(list_sources(ROOMS["sampling"].stored()).values()))


def computed(run, source):
    key = replays.request(run, source, "tester")
    assert work.wait(key, SECONDS).state == "done", work.progress(key).error
    return replays.find(key)


def test_a_followed_run_is_listed_and_computed_once(followed):
    run = recorded_runs.list_runs()["tiny"]
    assert (run.kind, run.problem, run.growing) == ("detector", "", False)
    view = computed(run, sample())
    assert sorted(view.frames) == [0, 2, 3] and replay_view.is_current(view)
    assert len(view.objects) >= 3 and set(view.matches) == {0, 2, 3}
    assert view.curves["iterations"] == [0, 2, 3]
    assert view.loss[0] == [1, 2, 3]
    assert replays.find(view.key) is view
    assert view.manifest()["coming"] == []


def test_a_manifest_names_the_snapshots_that_are_still_to_come(followed):
    view = computed(recorded_runs.list_runs()["tiny"], sample())
    ends = {iteration: view.frames[iteration] for iteration in (0, 3)}
    assert replace(view, frames=ends, complete=False).manifest()["coming"] == [2]


def test_the_routes_hand_out_manifest_picture_and_layers(followed):
    view = computed(recorded_runs.list_runs()["tiny"], sample())
    client = TestClient(Starlette(routes=replay_routes()))
    manifest = client.get(f"/replay/{view.key}/manifest.json").json()
    assert manifest["iterations"] == [0, 2, 3]
    assert manifest["layers"] == ["encoder.0", "decoder.0", "decoder.1"]
    assert len(manifest["objects"]) == len(manifest["matches"]["3"])
    answer = client.get(f"/replay/{view.key}/2/decoder.1.bin")
    assert answer.headers["content-encoding"] == "gzip"
    layer = unpack_layer(gzip.compress(answer.content))
    assert layer.weights.shape == (24, 4, 3, 2)
    assert client.get(f"/replay/{view.key}/picture.jpg").headers["content-type"] == "image/jpeg"
    for lost in (
        f"/replay/{view.key}/1/decoder.1.bin",
        f"/replay/{view.key}/2/decoder.9.bin",
        f"/replay/{'0' * 32}/manifest.json",
        f"/replay/{'0' * 32}/picture.jpg",
    ):
        assert client.get(lost).status_code == 404
        assert "reload the page" in client.get(lost).text


def test_new_snapshots_are_added_and_old_ones_kept(followed, tmp_path):
    folder, source = RunFolder(tmp_path / "grows"), sample()
    known = RunFolder(followed)
    folder.create("detector", known.about()["recipe"])
    folder.save_snapshot(0, known.load_snapshot(0))
    run = recorded_runs.open_run(folder.path, "grows", "grows", growing=True)
    assert run.growing
    first = computed(run, source)
    folder.save_snapshot(3, known.load_snapshot(3))
    assert not replay_view.is_current(first)
    second = computed(run, source)
    assert second.frames[0] == first.frames[0] and sorted(second.frames) == [0, 3]
    assert second.version != first.version
    assert not recorded_runs.open_run(folder.path, "grows", "grows", growing=True).growing


def test_a_run_that_has_no_snapshot_yet_is_waited_for(page, followed, tmp_path, monkeypatch):
    folder, known = RunFolder(tmp_path / "grows"), RunFolder(followed)
    folder.create("detector", known.about()["recipe"])
    monkeypatch.setenv(recorded_runs.FOLLOWED, str(folder.path))
    page.run()
    assert not page.exception and not page.error
    assert "kept no snapshot yet" in texts(page)
    folder.save_snapshot(0, known.load_snapshot(0))
    page.run()
    source = list_sources(ROOMS["sampling"].stored())[here(page).picture]
    key = replays.key_of(recorded_runs.list_runs()["grows"], source)
    assert work.wait(key, SECONDS).state == "done"
    page.run()
    assert not page.exception and not page.error
    assert "kept no snapshot yet" not in texts(page) and sorted(replays.find(key).frames) == [0]


def test_a_dat_is_replayed_as_a_grid(followed, tmp_path):
    folder = RunFolder(tmp_path / "grids")
    for _ in DATTraining(tiny_dat(), folder).run():
        pass
    run = recorded_runs.open_run(folder.path, "own", "mine")
    assert (run.kind, run.drawing, run.problem) == ("dat", "grid", "")
    view = computed(run, sample())
    manifest = view.manifest()
    assert manifest["layers"] == ["stages.1.attns.0"] and manifest["objects"] == []
    assert manifest["layer_titles"] == {"stages.1.attns.0": "stage 2, block 1 · 4×4 knots"}
    assert (manifest["heads"], manifest["levels"]) == (2, 1)
    layers = manifest["curves"]["layers"]["stages.1.attns.0"]
    assert set(layers) == {"displacement", "entropy", "heaviest"}
    assert layers["displacement"][0] == [0, 0] and min(layers["displacement"][-1]) > 0
    start = unpack_grid(view.packed(0, "stages.1.attns.0")).trace
    np.testing.assert_allclose(start.positions, start.reference_grid, atol=1e-6)


def test_the_shipped_runs_are_both_offered(monkeypatch):
    monkeypatch.delenv(recorded_runs.FOLLOWED, raising=False)
    runs = recorded_runs.list_runs()
    assert {name: run.drawing for name, run in runs.items()} == {
        "detector": "sampling",
        "dat": "grid",
    }
    assert "13,000" in recorded_runs.describe(runs["detector"])
    assert "`deformviz train dat --out runs/dat`" in recorded_runs.describe(runs["dat"])


def test_the_object_of_a_gallery_picture_is_known_to_a_dat(monkeypatch):
    monkeypatch.delenv(recorded_runs.FOLLOWED, raising=False)
    pictures = list_sources(ROOMS["grid"].stored()).values()
    masks = [object_mask(source.stored) for source in pictures if source.group == "scene"]
    assert len(masks) >= 5 and all(0.02 < mask.mean() < 0.9 for mask in masks)
    photograph = next(source for source in pictures if source.group == "photograph")
    assert object_mask(photograph.stored) is None


def test_a_recording_shows_its_own_pictures(followed, tmp_path):
    model, maps = gaze(), torch.rand(2, 36, 8)
    pictures = [np.full((40, 48, 3), shade, np.uint8) for shade in (60, 180)]
    train(
        model,
        Recorder(
            tmp_path / "mine",
            model,
            schedule=every(2),
            probe=lambda: model(maps),
            pictures=pictures,
        ),
        4,
    )
    run = recorded_runs.open_run(tmp_path / "mine", "own", "mine")
    assert replays.probe_count(run) == 2
    view = computed(run, 1)
    assert sorted(view.frames) == [0, 2, 4] and view.picture_hw == (40, 48)
    manifest = view.manifest()
    assert manifest["layers"] == ["decoder.0"] and manifest["objects"] == []
    assert manifest["curves"]["iterations"] == [0, 2, 4]


def test_a_recording_of_weights_alone_says_what_it_lacks(followed, tmp_path):
    model = gaze()
    train(model, Recorder(tmp_path / "mine", model, schedule=every(2)), 2)
    run = recorded_runs.open_run(tmp_path / "mine", "own", "mine")
    key = replays.request(run, 0, "tester")
    progress = work.wait(key, SECONDS)
    assert progress.state == "failed" and "record with probe=" in progress.error


def test_a_recipe_that_builds_no_model_gets_a_sentence(followed, tmp_path):
    (tmp_path / "run.json").write_text('{"format": 1, "kind": "dat", "recipe": {"speed": 3}}')
    run = recorded_runs.open_run(tmp_path, "own", "mine")
    key = replays.request(run, sample(), "tester")
    progress = work.wait(key, SECONDS)
    assert progress.state == "failed"
    assert "describes no model this version can build" in progress.error


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "is not a training run"),
        ("{", "cannot be read as a run"),
        ('{"format": 1, "kind": "opera", "recipe": {}}', "a run of kind 'opera'"),
    ],
)
def test_foreign_folders_are_listed_with_a_sentence(tmp_path, content, sentence):
    if content:
        (tmp_path / "run.json").write_text(content)
    assert sentence in recorded_runs.open_run(tmp_path, "own", "mine").problem


def test_the_page_says_what_to_do_and_computes(page):
    page.run()
    assert not page.exception
    assert page.title[0].value == "How did it learn to look there?"
    assert "Drag through the training" in texts(page)
    run = recorded_runs.list_runs()["tiny"]
    source = sample()
    work.wait(replays.key_of(run, source), SECONDS)
    page.run()
    assert not page.exception and not page.error
    assert replay_view.is_current(replays.find(replays.key_of(run, source)))


def test_a_broken_run_gets_a_sentence_on_the_page(page, monkeypatch, tmp_path):
    (tmp_path / "run.json").write_text("{}")
    monkeypatch.setenv(recorded_runs.FOLLOWED, str(tmp_path))
    page.run()
    assert not page.exception
    assert "cannot be read as a run" in texts(page)


def test_without_any_run_the_page_offers_to_train_one(page, monkeypatch):
    monkeypatch.delenv(recorded_runs.FOLLOWED)
    page.run()
    assert not page.exception
    assert "There is no recorded training here" in texts(page)
    assert "Train a small one now" in [element.value for element in page.subheader]


def test_a_picture_of_ones_own_is_replayed_too(followed, tmp_path):
    from PIL import Image

    file = tmp_path / "mine.png"
    Image.fromarray(np.full((31, 47, 3), 120, np.uint8)).save(file)
    view = computed(recorded_runs.list_runs()["tiny"], own_picture("mine", file))
    assert view.picture_hw == (31, 47)


def test_a_hugging_face_detector_is_recorded_and_opened(followed, tmp_path):
    from tests.tracing.test_record import hugging_face_detector

    model = hugging_face_detector()
    pixels, mask = torch.rand(2, 3, 48, 64), torch.ones(2, 48, 64, dtype=torch.long)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    recorder = Recorder(
        tmp_path / "hf",
        model,
        optimiser,
        schedule=every(1),
        record_every=1,
        probe=lambda: model(pixel_values=pixels, pixel_mask=mask),
        pictures=[np.full((48, 64, 3), 90, np.uint8)] * 2,
    )
    for _ in range(3):
        loss = model(pixel_values=pixels, pixel_mask=mask).logits.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        recorder.step(loss)
    run = recorded_runs.open_run(tmp_path / "hf", "own", "hf")
    view = computed(run, 1)
    manifest = view.manifest()
    assert manifest["iterations"] == [0, 1, 2, 3]
    assert manifest["layers"] == ["encoder.0", "decoder.0", "decoder.1"]
    moved = np.array(view.curves["layers"]["encoder.0"]["displacement"], float)
    assert np.abs(moved[0] - moved[3]).max() > 0
    assert view.loss[0] == [1, 2, 3] and min(view.loss[1]) > 0
