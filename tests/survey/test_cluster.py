"""A study shared out by Ray, one of whose workers is killed in the middle."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from deformviz.survey.cluster import make_on_cluster
from deformviz.survey.make import make
from deformviz.survey.pictures import SurveyError
from deformviz.survey.study import Study
from tests.survey.same_study import assert_same
from tests.survey.test_study import scenes

ray = pytest.importorskip("ray", reason="Ray is not installed (extra [cluster])")


@pytest.fixture
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def makers():
    """Processes that make parts, by the title Ray gives them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                yield int(process.name)
        except OSError:  # it ended while it was looked at
            continue


def kill_one_actor(out, killed):
    """Once the first part is there, kill a process that makes parts."""
    until = time.monotonic() + 240
    while time.monotonic() < until and not killed:
        if (out / "parts").is_dir() and any(p.name.isdigit() for p in (out / "parts").iterdir()):
            for pid in list(makers())[:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_lost_worker_costs_nothing(cluster, tmp_path):
    settings, pictures = scenes(24, per_part=2)
    make(tmp_path / "one", settings, pictures)
    with pytest.raises(SurveyError, match="offers 0 GPUs, one actor asks for 1"):
        make_on_cluster(tmp_path / "none", settings, pictures, gpus=1)
    killed, out = [], tmp_path / "ray"
    killer = threading.Thread(target=kill_one_actor, args=(out, killed))
    killer.start()
    told = []
    make_on_cluster(out, settings, pictures, on_progress=told.append)
    killer.join()
    assert killed
    assert told[-1].done == 24
    assert_same(Study(tmp_path / "one"), Study(out))


@pytest.mark.slow
def test_a_cluster_too_small_is_said_instead_of_waited_for(tmp_path):
    ray.init(num_cpus=0, include_dashboard=False, log_to_driver=False)
    try:
        with pytest.raises(SurveyError, match="offers 0 cores"):
            make_on_cluster(tmp_path / "s", *scenes(3))
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_a_cluster_that_is_not_there_gets_a_sentence(tmp_path):
    with pytest.raises(SurveyError, match=r"No Ray cluster at nowhere\.invalid: "):
        make_on_cluster(tmp_path / "s", *scenes(3), address="nowhere.invalid")
