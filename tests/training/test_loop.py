"""Training: it learns, it can be stopped and go on, and it leaves a run behind that opens."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.training.ahead import Ahead
from deformviz.training.batches import detector_batch, to_model_input, to_model_inputs
from deformviz.training.loop import DetectorTraining
from deformviz.training.recipe import DetectorRecipe, scenes_config
from deformviz.training.run_folder import RunFolder, RunFolderError

SMALL = DetectorRecipe(
    model=replace(
        scenes_config(),
        hidden_channels=16,
        heads=4,
        feedforward_channels=24,
        encoder_layers=1,
        decoder_layers=2,
        queries=12,
        projection_groups=4,
        compact_channels=(8, 8, 16, 16, 16),
    ),
    iterations=6,
    warmup=1,
    pixels_per_batch=3 * 48 * 48,
    sides_px=((48, 56), (56, 64)),
    snapshots=(0, 2, 4),
)


def start(path, recipe=SMALL):
    folder = RunFolder(path)
    folder.create("detector", recipe.to_dict())
    return DetectorTraining(recipe, folder)


def test_batches_depend_on_seed_and_iteration_alone():
    first, again = detector_batch(SMALL, 3), detector_batch(SMALL, 3)
    assert torch.equal(first[0], again[0])
    other = detector_batch(replace(SMALL, seed=1), 3)
    assert first[0].shape != other[0].shape or not torch.equal(first[0], other[0])
    images, targets = first
    assert images.shape[0] == len(targets) and images.abs().max() <= 1.0001
    assert all((t.boxes_cxcywh >= 0).all() and (t.boxes_cxcywh <= 1).all() for t in targets)


def test_a_batch_is_its_pictures_as_the_model_sees_them_one_by_one():
    generator = np.random.default_rng(4)
    pictures = [generator.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(2)]
    mean, std = (0.5, 0.25, 0.125), (0.5, 0.3, 0.7)
    batch = to_model_inputs(pictures, mean, std)
    assert torch.equal(batch, torch.stack([to_model_input(p, mean, std) for p in pictures]))
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_sides_grow_and_rates_fall():
    recipe = DetectorRecipe()
    assert recipe.side_range_px(0) == (112, 192)
    assert recipe.side_range_px(recipe.iterations) == (160, 288)
    assert recipe.rate(0) < 0.01 and recipe.rate(300) == 1
    assert recipe.rate(recipe.iterations) == pytest.approx(0.02)
    assert recipe.snapshot_iterations()[:4] == (0, 10, 30, 100)
    assert recipe.snapshot_iterations()[-1] == recipe.iterations


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(tmp_path):
    straight = start(tmp_path / "straight")
    list(straight.run())
    stopped = start(tmp_path / "stopped")
    for record in stopped.run():
        if record["iteration"] == 3:
            break
    stopped.save()
    resumed = start(tmp_path / "stopped")
    assert resumed.iteration == 3
    list(resumed.run())
    for part in ("model", "average"):
        expected = getattr(straight, part).state_dict()
        for name, weight in getattr(resumed, part).state_dict().items():
            assert torch.equal(weight, expected[name]), f"{part} {name}"
    kept = list(RunFolder(tmp_path / "stopped").snapshots())
    assert kept == [0, 2, 4, 6]


def test_a_state_that_lists_weights_in_another_order_is_refused_in_a_sentence(tmp_path):
    training = start(tmp_path)
    training.step()
    training.save()
    state = training.folder.load_state()
    kept = state["optimiser"]["state"]
    other = next(number for number in kept if kept[number]["exp_avg"].dim() == 1)
    kept[0], kept[other] = kept[other], kept[0]
    training.folder.save_state(state)
    with pytest.raises(RunFolderError, match="in another order"):
        start(tmp_path)


def test_what_is_made_ahead_is_what_would_be_made_then():
    made = []

    def make(number):
        made.append(number)
        if number == 4:
            raise ValueError("no such number")
        return number * 10

    ahead = Ahead(make)
    assert ahead.take(1) == 10
    ahead.begin(2)
    assert ahead.take(2) == 20 and made == [1, 2]
    ahead.begin(3)
    assert ahead.take(7) == 70
    ahead.begin(4)
    with pytest.raises(ValueError, match="no such number"):
        ahead.take(4)


def test_the_next_batch_is_rendered_while_this_one_is_followed_back(tmp_path, monkeypatch):
    asked = []

    def batch(recipe, iteration, right=detector_batch):
        asked.append((iteration, threading.current_thread() is threading.main_thread()))
        return right(recipe, iteration)

    monkeypatch.setattr("deformviz.training.loop.detector_batch", batch)
    list(start(tmp_path, replace(SMALL, iterations=3, snapshots=())).run())
    assert asked == [(0, True), (1, False), (2, False)]


def test_a_snapshot_holds_raw_weights_in_half_precision(tmp_path):
    training = start(tmp_path)
    list(training.run())
    stored = training.folder.load_snapshot(6)
    raw = training.model.state_dict()
    assert set(stored) == set(raw)
    assert all(weight.dtype == torch.float16 for weight in stored.values())
    name = "transformer.encoder.layers.0.self_attn.sampling_offsets.bias"
    torch.testing.assert_close(stored[name].float(), raw[name], atol=2e-3, rtol=1e-3)
    assert not torch.equal(stored[name], training.folder.load_snapshot(0)[name])


def test_records_carry_losses_rates_and_the_gradients_of_the_placing_layers(tmp_path):
    training = start(tmp_path)
    list(training.run(record_every=1))
    records = list(training.folder.records())
    assert [r["iteration"] for r in records] == [1, 2, 3, 4, 5, 6]
    last = records[-1]
    assert last["loss"] == pytest.approx(sum(last["terms"].values()), abs=1e-3)
    assert "transformer.encoder.layers.0.self_attn.sampling_offsets" in last["gradient_norms"]
    assert last["learning_rate"] < SMALL.learning_rate


def test_a_few_steps_on_one_batch_lower_the_loss(tmp_path, monkeypatch):
    batch = detector_batch(SMALL, 0)
    monkeypatch.setattr("deformviz.training.loop.detector_batch", lambda *_: batch)
    training = start(tmp_path, replace(SMALL, iterations=1000, learning_rate=3e-3))
    losses = [training.step()["loss"] for _ in range(30)]
    assert np.mean(losses[-3:]) < 0.8 * losses[0]


def test_a_line_cut_off_by_a_crash_is_dropped(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create("detector", {})
    folder.append({"iteration": 10, "loss": 3.0})
    folder.append({"iteration": 20, "loss": 2.0})
    path = tmp_path / "records.jsonl"
    path.write_text(path.read_text()[:-9])
    assert [record["iteration"] for record in folder.records()] == [10]


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "it has no run.json"),
        ("{", "cannot be read as a run"),
        ("[]", "cannot be read as a run"),
        (json.dumps({"format": 99}), "has run format 99; this version reads format 1"),
    ],
)
def test_a_folder_that_is_no_run_says_so(tmp_path, content, message):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=message):
        RunFolder(tmp_path).about()
