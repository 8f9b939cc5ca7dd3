"""A training that is watched: it obeys, survives, and leaves nothing behind."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from deformviz.training.live import (
    LiveError,
    LiveOptions,
    LiveTraining,
    last_record,
    live_snapshots,
    order,
    ordered,
    read_options,
)
from deformviz.training.recipe import DetectorRecipe, read_recipe
from deformviz.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def live():
    training = LiveTraining()
    yield training
    training.close()


@pytest.mark.slow
def test_start_pause_resume_stop(live):
    folder = live.start(LiveOptions(iterations=3000, heads=2, levels=2, points=2))
    process = live._run.process
    with pytest.raises(LiveError, match="under way on this server already"):
        live.start(LiveOptions())
    wait_for(lambda: live.state().iteration >= 10)
    assert live.state().name == "running" and live.state().loss > 0
    live.pause()
    assert live.state().name == "paused"
    time.sleep(1.0)  # the iteration at hand ends
    halted = live.state().iteration
    time.sleep(2.0)
    assert live.state().iteration == halted
    live.resume()
    wait_for(lambda: live.state().iteration > halted)
    live.stop()
    assert live.state().name == "ended" and process.poll() == 0
    assert RunFolder(folder).load_state()["iteration"] >= live.state().iteration
    assert 0 in RunFolder(folder).snapshots()
    live.close()
    assert not folder.exists()


@pytest.mark.slow
def test_a_training_ends_with_its_server(tmp_path):
    script = (
        "import time\n"
        "from deformviz.training.live import LiveOptions, LiveTraining\n"
        "live = LiveTraining()\n"
        "folder = live.start(LiveOptions(iterations=3000, heads=2, levels=2, points=2))\n"
        "print(live._run.process.pid, folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pid, folder = server.stdout.readline().split()
    wait_for(lambda: last_record(Path(folder)))
    server.kill()
    server.wait()
    wait_for(lambda: not is_alive(int(pid)))


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        return not Path("/proc/self").exists()
    return state != "Z"


def test_a_training_that_fails_says_its_last_words(live):
    options = LiveOptions()
    object.__setattr__(options, "heads", 3)  # refused where the training begins
    live.start(options)
    wait_for(lambda: live.state().name == "failed")
    assert "heads is 3; it must be 1, 2, 4 or 8" in live.state().error


def test_who_watches_a_training_needs_no_torch():
    code = "import sys, deformviz.training.live; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == "False\n", said.stderr


@pytest.mark.parametrize(
    "choice, sentence",
    [
        ({"iterations": 100_000}, "iterations is 100000; it must lie between 20 and 3000"),
        ({"learning_rate": 1.0}, "learning_rate is 1.0"),
        ({"heads": 3}, "heads is 3; it must be 1, 2, 4 or 8"),
        ({"points": 0}, "points is 0"),
    ],
)
def test_choices_beyond_their_bounds_are_refused(choice, sentence):
    with pytest.raises(LiveError, match=sentence):
        LiveOptions(**choice)


@pytest.mark.parametrize(
    "options",
    [
        LiveOptions(),
        LiveOptions(heads=1, levels=1, points=8, offset_start="zero", dense_loss=False),
        LiveOptions(iterations=20, offset_start="random"),
    ],
)
def test_options_and_recipes_travel_through_their_files(tmp_path, options):
    recipe = options.recipe()
    (tmp_path / "options.json").write_text(json.dumps(asdict(options)))
    assert read_options(tmp_path / "options.json") == options
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    assert read_recipe(tmp_path / "recipe.json") == recipe
    assert DetectorRecipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("[1]", "holds no recipe"),
        ("{", "holds no recipe"),
        ('{"speed": 1}', "unknown entries: speed"),
        ('{"offset_start": "moon"}', "offset_start is 'moon'"),
        ('{"loss": {"colour": 1}}', "recipe cannot be read"),
        ('{"iterations": 0}', "iterations is 0"),
    ],
)
def test_a_broken_recipe_gets_a_sentence(tmp_path, text, sentence):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_recipe(tmp_path / "recipe.json")


def test_orders(tmp_path):
    assert ordered(tmp_path) == "run"
    order(tmp_path, "pause")
    assert ordered(tmp_path) == "pause"
    (tmp_path / "control").write_text("dance")
    assert ordered(tmp_path) == "run"
    with pytest.raises(ValueError, match="'dance' is no order"):
        order(tmp_path, "dance")


def test_live_snapshots_are_bounded():
    for iterations in (20, 100, 600, 3000):
        assert len(live_snapshots(iterations)) <= 60


def test_the_last_record_is_found_behind_a_torn_line(tmp_path):
    assert last_record(tmp_path) == {}
    (tmp_path / "records.jsonl").write_text('{"iteration": 7}\n{"iteration": 8}\n{"iter')
    assert last_record(tmp_path) == {"iteration": 8}
