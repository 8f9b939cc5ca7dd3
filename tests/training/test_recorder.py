"""Recording anybody's training: three lines, crash-safe, and the loop is not disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.schema import AttentionTrace
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.recording import Pass, Recording
from deformviz.training.recorder import Recorder, every, log_spaced, pack_recording
from deformviz.training.run_folder import RunFolder, RunFolderError

ROOT = Path(__file__).parents[2]


class Gaze(nn.Module):
    """One deformable attention from fixed queries to a map, and dropout that uses the generator."""

    def __init__(self):
        super().__init__()
        self.decoder = nn.ModuleList([MultiScaleDeformableAttention(8, 2, 2, 3)])
        self.dropout = nn.Dropout(0.2)
        self.query = nn.Parameter(torch.zeros(1, 4, 8))

    def forward(self, maps):
        points = torch.full((len(maps), 4, 2, 2), 0.5)
        query = self.query.expand(len(maps), -1, -1)
        output, _ = self.decoder[0](
            query, points, self.dropout(maps), [(5, 6), (2, 3)], traced=False
        )
        return output


def train(model, recorder, iterations, seed=0):
    torch.manual_seed(seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(iterations):
        loss = model(torch.rand(2, 36, 8)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if recorder is not None:
            recorder.step(loss)
        losses.append(loss.item())
    return losses


def gaze():
    torch.manual_seed(1)
    return Gaze()


def test_weights_losses_and_norms_are_written(tmp_path):
    model = gaze()
    recorder = Recorder(
        tmp_path / "run",
        model,
        torch.optim.SGD(model.parameters(), lr=0.25),
        schedule=[0, 3],
        record_every=2,
    )
    losses = train(model, recorder, 4)
    folder = RunFolder(tmp_path / "run")
    assert folder.about()["kind"] == "recording"
    records = list(folder.records())
    assert [record["iteration"] for record in records] == [2, 3, 4]
    assert records[1]["loss"] == pytest.approx(losses[2])
    assert records[0]["learning_rates"] == [0.25]
    assert set(records[0]["gradient_norms"]) == {
        "decoder.0.sampling_offsets",
        "decoder.0.attention_weights",
    }
    assert list(folder.snapshots()) == [0, 3]


def test_traces_of_probe_pictures_are_written_in_place_of_weights(tmp_path):
    model, maps = gaze(), torch.rand(2, 36, 8)
    pictures = [np.full((40, 48, 3), 90, np.uint8), np.full((30, 48, 3), 30, np.uint8)]
    recorder = Recorder(
        tmp_path / "run", model, schedule=every(2), probe=lambda: model(maps), pictures=pictures
    )
    train(model, recorder, 4)
    folder = RunFolder(tmp_path / "run")
    assert list(folder.traces()) == [0, 2, 4] and not folder.snapshots()
    assert sorted(folder.trace_names(4)) == ["0/decoder.0", "1/decoder.0"]
    layer = unpack_layer(folder.load_trace(4, 1, "decoder.0"))
    assert layer.header["frame"] == {
        "original_hw": [30, 48],
        "resized_hw": [30, 48],
        "padded_hw": [40, 48],
    }
    assert layer.weights.shape == (4, 2, 2, 3)
    assert folder.picture_path(1).is_file()
    first = unpack_layer(folder.load_trace(0, 0, "decoder.0"))
    np.testing.assert_allclose(first.weights, 1 / 6, atol=1e-4)


def two_layers_of_two_pictures(seed=8):
    """A recording whose every number differs: pictures, layers, levels, heads and points."""
    generator = torch.Generator().manual_seed(seed)
    traces = {}
    for name, points in (("decoder.0", 3), ("decoder.1", 4)):
        shape = 2, 4, 3, 2, points  # picture query head level point
        locations = torch.rand(*shape, 2, generator=generator)
        traces[name] = AttentionTrace(
            spatial_shapes=torch.tensor([(5, 6), (2, 3)]),
            sampling_offsets=torch.zeros(*shape, 2),
            sampling_locations=locations,
            attention_weights=torch.rand(shape, generator=generator),
            reference_points=torch.rand(2, 4, 2, 2, generator=generator),
        )
    return Recording(tuple(traces), passes=[Pass(traces)])


def test_every_picture_and_layer_is_packed_with_its_own_numbers_and_size():
    recording, sizes_hw = two_layers_of_two_pictures(), [(40, 48), (30, 64)]
    packed = pack_recording(recording, sizes_hw)
    assert sorted(packed) == ["0/decoder.0", "0/decoder.1", "1/decoder.0", "1/decoder.1"]
    for key, blob in packed.items():
        picture, _, name = key.partition("/")
        own, layer = recording[name].image(int(picture)), unpack_layer(blob)
        assert layer.header["layer"] == name
        assert layer.header["frame"]["resized_hw"] == list(sizes_hw[int(picture)])
        assert layer.header["frame"]["padded_hw"] == [40, 64]
        np.testing.assert_allclose(layer.locations, own.sampling_locations, atol=2e-5)
        np.testing.assert_allclose(layer.weights, own.attention_weights, atol=2e-5)
        np.testing.assert_allclose(layer.references, own.reference_points, atol=1e-6)


@pytest.mark.parametrize("keep", ["nothing", "weights", "traces"])
def test_the_training_is_not_disturbed(tmp_path, keep):
    alone = train(gaze(), None, 5)
    model = gaze()
    probe = {"probe": lambda: model(torch.rand(1, 36, 8))} if keep == "traces" else {}
    recorder = Recorder(tmp_path, model, schedule=every(1), **probe) if keep != "nothing" else None
    assert train(model, recorder, 5) == alone
    assert all(module.training for module in model.modules())


def test_a_recording_goes_on_where_it_is_told_and_is_not_overwritten(tmp_path):
    model = gaze()
    train(model, Recorder(tmp_path, model, schedule=every(5), record_every=5), 10)
    with pytest.raises(RunFolderError, match="holds a run already. Say iteration="):
        Recorder(tmp_path, model)
    train(model, Recorder(tmp_path, model, schedule=every(5), record_every=5, iteration=10), 10)
    assert list(RunFolder(tmp_path).snapshots()) == [0, 5, 10, 15, 20]
    assert [record["iteration"] for record in RunFolder(tmp_path).records()] == [5, 10, 15, 20]


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    model = gaze()
    train(model, Recorder(tmp_path / "run", model, schedule=every(1)), 2)
    assert not (tmp_path / "run").exists()


def test_the_schedule_is_dense_where_offsets_leave_the_star():
    kept = [i for i in range(200_001) if log_spaced(i)]
    assert kept[:10] == [0, 10, 30, 100, 178, 240, 316, 420, 562, 750]
    assert kept[-6:] == [17783, 30000, 31620, 56230, 100000, 177800]


KILLED = """
import sys, torch
sys.path.insert(0, {tests!r})
from test_recorder import gaze, train
from deformviz.training.recorder import Recorder, every
model = gaze()
maps = torch.rand(2, 36, 8)
train(model, Recorder({folder!r}, model, schedule=every(1), record_every=1,
                      probe=(lambda: model(maps)) if {traces} else None), 1_000_000)
"""


@pytest.mark.parametrize("traces", [False, True])
def test_a_killed_run_opens_and_goes_on(tmp_path, traces):
    script = KILLED.format(
        tests=str(Path(__file__).parent), folder=str(tmp_path / "run"), traces=traces
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    records = tmp_path / "run" / "records.jsonl"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            records.exists() and records.read_bytes().count(b"\n") > 40
        ):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    folder = RunFolder(tmp_path / "run")
    written = list(folder.records())
    assert len(written) > 40 and written[-1]["iteration"] == len(written)
    kept = folder.traces() if traces else folder.snapshots()
    assert len(kept) >= len(written)
    for iteration in list(kept)[-3:]:
        if traces:
            assert unpack_layer(folder.load_trace(iteration, 1, "decoder.0")).weights.any()
        else:
            assert folder.load_snapshot(iteration)["query"].shape == (1, 4, 8)
    last, model = written[-1]["iteration"], gaze()
    train(model, Recorder(folder, model, record_every=1, schedule=[], iteration=last), 2)
    assert [r["iteration"] for r in folder.records()] == list(range(1, last + 3))


def test_a_line_cut_off_by_a_crash_costs_that_line_alone(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create("recording", {})
    folder.append({"iteration": 1, "loss": 3.0})
    with (tmp_path / "records.jsonl").open("a") as file:
        file.write('{"iteration": 2, "lo')
    folder.append({"iteration": 3, "loss": 1.0})
    assert [record["iteration"] for record in folder.records()] == [1, 3]
    assert folder.curve("loss") == ([1, 3], [3.0, 1.0])


def test_a_run_that_goes_on_with_another_recipe_says_so(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create("detector", {"iterations": 80, "seed": 3, "sides": (1, 2)}, command="first")
    folder.taken_up(30, {"iterations": 80, "seed": 3, "sides": (1, 2)}, "again")
    assert "history" not in folder.about()
    folder.taken_up(40, {"iterations": 130, "seed": 3, "sides": (1, 2)}, "second")
    about = folder.about()
    assert (about["recipe"]["iterations"], about["command"]) == (130, "second")
    assert about["history"] == [{"until": 40, "recipe": {"iterations": 80}, "command": "first"}]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "is not a training run: it has no run.json"),
        ("{", "run.json cannot be read as a run"),
        ("[1, 2]", "run.json cannot be read as a run"),
        (json.dumps({"format": 7, "kind": "detector", "recipe": {}}), "has run format 7"),
        (json.dumps({"format": 1, "kind": 4, "recipe": {}}), "names no kind or no recipe"),
    ],
)
def test_foreign_and_broken_folders_get_a_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=sentence):
        RunFolder(tmp_path).about()


def test_damaged_files_get_a_sentence(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create("recording", {})
    folder.save_snapshot(3, {"weight": torch.ones(2, 3)})
    path = folder.snapshots()[3]
    path.write_bytes(path.read_bytes()[:-4])
    (tmp_path / "snapshots" / "notes.safetensors").write_bytes(b"no number")
    assert list(folder.snapshots()) == [3]
    with pytest.raises(RunFolderError, match="000003.safetensors in .* is damaged"):
        folder.load_snapshot(3)
    with pytest.raises(RunFolderError, match="has no snapshot of iteration 4"):
        folder.load_snapshot(4)
    with pytest.raises(RunFolderError, match="no readable trace of decoder.0 on picture 0"):
        folder.load_trace(3, 0, "decoder.0")
    (tmp_path / "records.jsonl").write_bytes(b'\xff\xfe{"iteration": "x"}\n{"iteration": 5}\n')
    assert [record["iteration"] for record in folder.records()] == [5]


def test_eight_bit_rows_are_close_and_biases_are_as_in_half_precision(tmp_path):
    torch.manual_seed(2)
    weights = {
        "deep": torch.randn(5, 3, 2, 2),
        "star": torch.randn(7),
        "steps": torch.tensor(9),
        "zero": torch.zeros(4, 3),
        "large": torch.tensor([1e6, 1.0]),
    }
    folder = RunFolder(tmp_path)
    folder.save_snapshot(0, weights, coding="int8-rows")
    read = folder.load_snapshot(0)
    assert set(read) == set(weights)
    step = weights["deep"].flatten(1).abs().amax(1) / 127
    error = (read["deep"] - weights["deep"]).flatten(1).abs().amax(1)
    assert (error <= step / 2 + 1e-7).all()
    assert torch.equal(read["star"], weights["star"].half())
    assert torch.equal(read["zero"], weights["zero"]) and torch.equal(
        read["steps"], torch.tensor(9)
    )
    assert torch.equal(read["large"], weights["large"])
