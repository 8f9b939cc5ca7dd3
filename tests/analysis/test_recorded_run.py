"""A short training, recorded, looked at again, measured and shipped."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.analysis.curves import measure_recording, measure_run, probe_scenes, read_curves
from deformviz.analysis.recorded_run import ship_run
from deformviz.analysis.replay import Replay, followed_objects, matched_queries
from deformviz.tracing.packing import unpack_layer
from deformviz.training.live import LiveOptions
from deformviz.training.loop import DetectorTraining
from deformviz.training.recorder import Recorder, every, pack_recording
from deformviz.training.run_folder import RunFolder, RunFolderError
from tests.training.test_recorder import gaze, train, two_layers_of_two_pictures


def tiny_recipe():
    recipe = LiveOptions(heads=4, levels=3, points=2).recipe()
    return replace(
        recipe,
        iterations=3,
        snapshots=(0, 2),
        sides_px=((48, 64), (48, 64)),
        pixels_per_batch=2 * 56 * 56,
        warmup=1,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "tiny")
    for _ in DetectorTraining(tiny_recipe(), folder).run(record_every=1):
        pass
    return folder


@pytest.fixture(scope="module")
def picture():
    return probe_scenes(1, 72)[0].image


def test_every_snapshot_looks_at_any_picture(run, picture):
    replay = Replay(run)
    assert replay.iterations() == [0, 2, 3]
    start, end = (replay.trace(i, picture) for i in (0, 3))
    star = start["encoder.0"].sampling_offsets
    torch.testing.assert_close(star, star[:1].expand_as(star))  # every query looks alike
    moved = end["encoder.0"].sampling_offsets
    assert (moved - moved[:1]).abs().max() > 0
    again = replay.trace(0, picture)["encoder.0"].sampling_offsets
    torch.testing.assert_close(again, star)


def test_objects_are_followed_through_all_snapshots(run, picture):
    replay = Replay(run)
    objects = followed_objects(replay.trace(3, picture).detections)
    assert len(objects) >= 3
    scores = [found.score for found in objects]
    assert scores == sorted(scores, reverse=True)
    for iteration in replay.iterations():
        queries = matched_queries(replay.trace(iteration, picture), objects)
        assert len(set(queries)) == len(objects) and None not in queries


def test_an_object_is_matched_to_the_query_that_found_it(run, picture):
    trace = Replay(run).trace(3, picture)
    found = followed_objects(trace.detections)[:1]
    # alone, the object goes to the query that gives its very box and class
    assert matched_queries(trace, found) == [int(trace.detections.queries[0])]


def test_curves_start_at_the_star_and_leave_it(run):
    curves = measure_run(Replay(run), scenes=2, size_px=64)
    assert curves["iterations"] == [0, 2, 3]
    assert set(curves["layers"]) == {"encoder.0", "decoder.0", "decoder.1"}
    layer = curves["layers"]["encoder.0"]
    assert np.shape(layer["spread"]) == (3, 4, 3) and np.shape(layer["entropy"]) == (3, 4)
    np.testing.assert_allclose(layer["displacement"][0], 0, atol=1e-4)
    assert np.mean(layer["displacement"][2]) > np.mean(layer["displacement"][1]) > 0
    np.testing.assert_allclose(layer["entropy"][0], np.log(6), atol=1e-4)


def test_the_shipped_run_is_smaller_measured_and_described(run, tmp_path):
    to = tmp_path / "shipped"
    curves = ship_run(run, to, scenes=2, score_scenes=4, size_px=64)
    shipped = RunFolder(to)
    assert list(shipped.snapshots()) == [0, 2, 3]
    assert sum(p.stat().st_size for p in shipped.snapshots().values()) < 0.7 * sum(
        p.stat().st_size for p in run.snapshots().values()
    )
    assert read_curves(shipped) == json.loads(json.dumps(curves))
    assert set(curves["scores"]) == {"ap", "ap50", "ap75"}
    text = (to / "README.md").read_text()
    assert "3 snapshots" in text and "seed 0" in text and text.count("\n| ") == 4
    exact, coded = (folder.load_snapshot(3) for folder in (run, shipped))
    for name in exact:
        step = exact[name].abs().max() / 127
        assert (coded[name] - exact[name]).abs().max() <= step + 1e-6, name


def test_a_recording_of_another_model_has_curves_too(tmp_path):
    model, maps = gaze(), torch.rand(2, 36, 8)
    train(model, Recorder(tmp_path, model, schedule=every(2), probe=lambda: model(maps)), 4)
    folder = RunFolder(tmp_path)
    curves = measure_recording(folder)
    assert curves["iterations"] == [0, 2, 4]
    layer = curves["layers"]["decoder.0"]
    np.testing.assert_allclose(layer["displacement"][0], 0, atol=1e-3)
    assert layer["inside_share"][2] == [None, None]
    start = unpack_layer(folder.load_trace(0, 0, "decoder.0"))
    assert start.header["honesty_label"] == ""


def test_every_layer_is_measured_on_its_own_traces_of_all_pictures(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create("recording", {})
    kept = {at: two_layers_of_two_pictures(seed=at) for at in (0, 7)}
    for iteration, recording in kept.items():
        folder.save_traces(iteration, pack_recording(recording, [(40, 48), (30, 64)]))
    curves = measure_recording(folder)
    assert curves["iterations"] == [0, 7]
    for name in kept[0]:
        measured, start = curves["layers"][name], None
        for at, recording in enumerate(kept.values()):
            trace = recording[name]
            weights = trace.attention_weights.flatten(0, 1)  # (picture query) ..
            away = trace.sampling_locations - trace.reference_points[:, :, None, :, None]
            offsets = (away * torch.tensor([(6, 5), (3, 2)])[:, None]).flatten(0, 1)
            start = offsets.mean(0) if start is None else start
            for statistic, by_hand in {
                "heaviest": weights.flatten(2).amax(-1).mean(0),
                "level_share": weights.sum(-1).mean(0),
                "displacement": (offsets - start).norm(dim=-1).mean((0, -1)),
            }.items():
                np.testing.assert_allclose(measured[statistic][at], by_hand, atol=1e-3)


def test_a_recording_cannot_look_at_other_pictures(tmp_path):
    RunFolder(tmp_path / "mine").create("recording", {})
    with pytest.raises(RunFolderError, match="only the weights of detector or dat"):
        Replay(tmp_path / "mine")


def test_a_snapshot_of_another_model_is_refused(run, tmp_path, picture):
    folder = RunFolder(tmp_path)
    folder.create("detector", run.about()["recipe"])
    folder.save_snapshot(0, {"weight": torch.ones(2, 2)})
    with pytest.raises(RunFolderError, match="iteration 0 does not fit the model"):
        Replay(folder).trace(0, picture)


def test_curves_that_are_none_are_refused(tmp_path):
    (tmp_path / "curves.json").write_text('{"format": 9, "layers": {}}')
    with pytest.raises(RunFolderError, match="cannot be read as curves"):
        read_curves(RunFolder(tmp_path))
    assert read_curves(RunFolder(tmp_path / "nowhere")) is None
