"""Two processes equal one: same global batch, box counts added up, double precision."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deformviz.training.distributed import World
from deformviz.training.live import LiveOptions
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.recorder import Recorder, every
from deformviz.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
TRAIN = """
import sys, json, torch
from deformviz.training.distributed import joined
from deformviz.training.loop import DetectorTraining
from deformviz.training.recipe import read_recipe
from deformviz.training.run_folder import RunFolder
torch.set_num_threads(1)
with joined() as world:
    training = DetectorTraining(read_recipe(sys.argv[1]), RunFolder(sys.argv[2]), world,
                                dtype=torch.float64)
    losses = [record["loss"] for record in training.run(record_every=1)]
    if world.is_first:
        print(json.dumps(losses))
"""


def tiny_recipe(iterations):
    recipe = LiveOptions(heads=4, levels=3, points=2).recipe()
    return replace(
        recipe,
        iterations=iterations,
        snapshots=(0,),
        sides_px=((48, 80), (48, 80)),
        square_share=0.3,
        pixels_per_batch=5 * 64 * 64,
        most_images=5,
        warmup=5,
    )


def start(script, recipe, folder, processes, port):
    alone = [sys.executable]
    together = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        str(processes),
        "--master_port",
        str(port),
    ]
    command = (together if processes > 1 else alone) + [str(script), str(recipe), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path, free_port):
    script, recipe = tmp_path / "train.py", tmp_path / "recipe.json"
    script.write_text(TRAIN)
    recipe.write_text(json.dumps(tiny_recipe(20).to_dict()))
    one = json.loads(start(script, recipe, tmp_path / "one", 1, free_port).splitlines()[-1])
    two = json.loads(start(script, recipe, tmp_path / "two", 2, free_port).splitlines()[-1])
    assert len(one) == len(two) == 20
    worst = max(abs(a - b) / a for a, b in zip(one, two, strict=True))
    print(f"largest relative difference of the loss: {worst:.2e}")
    assert worst <= 1e-6
    records = [record["iteration"] for record in RunFolder(tmp_path / "two").records()]
    assert records == list(range(1, 21))  # written once, by the first process
    first, second = (RunFolder(tmp_path / name).load_snapshot(20) for name in ("one", "two"))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_the_command_trains_with_two_processes(tmp_path, free_port):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(tiny_recipe(2).to_dict()))
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master_port",
        str(free_port),
        "-m",
        "deformviz",
        "train",
        "detector",
        "--recipe",
        str(recipe),
        "--out",
        str(tmp_path / "run"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("iteration 2/2") == 1
    folder = RunFolder(tmp_path / "run")
    assert folder.about()["kind"] == "detector" and list(folder.snapshots()) == [0, 2]
    assert DetectorRecipe.from_dict(folder.about()["recipe"]) == tiny_recipe(2)


def test_a_batch_is_shared_out_without_rest():
    batch = torch.arange(7)
    parts = [World(rank, 3).share(batch) for rank in range(3)]
    assert sorted(torch.cat(parts).tolist()) == batch.tolist()


def test_more_processes_than_pictures_are_refused(tmp_path):
    from deformviz.training.loop import DetectorTraining

    with pytest.raises(ValueError, match="8 processes cannot share a batch of 3 pictures"):
        DetectorTraining(tiny_recipe(2), RunFolder(tmp_path), World(0, 8))


def test_the_recorder_of_a_single_process_is_unchanged_by_the_world(tmp_path):
    assert World().total(3.0) == 3.0 and World().totals([1, 2.5]) == [1, 2.5]
    model = torch.nn.Linear(2, 1)
    World().sum_gradients(model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    Recorder(tmp_path, model, schedule=every(1)).step(0.5)
    assert list(RunFolder(tmp_path).snapshots()) == [0, 1]
