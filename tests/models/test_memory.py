"""A process that runs models keeps what a pass frees, and gives it back when it rests."""

import json
import subprocess
import sys

import pytest

import deformviz.cli
from deformviz.cli import build_parser

FREED = """
import json, numpy
from deformviz.models.memory import give_back_memory, keep_freed_memory

def mib():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

def passed():
    maps = [numpy.ones((6, 2**20)) for _ in range(2)]  # 96 MiB
    del maps
    return mib()

before = passed()
keep_freed_memory()
kept = passed()
give_back_memory()
print(json.dumps([before, kept, mib()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc of Linux can be told")
def test_freed_memory_stays_until_it_is_given_back():
    told = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    before, kept, given_back = json.loads(told.stdout)
    assert kept > before + 90
    assert given_back < before + 10


@pytest.mark.parametrize("own", [True, False], ids=["a process of its own", "called in another"])
def test_a_command_that_runs_models_keeps_memory_in_a_process_of_its_own(own, monkeypatch):
    asked = []
    monkeypatch.setattr(deformviz.cli, "keep_freed_memory", lambda: asked.append(1))
    monkeypatch.setattr("deformviz.cli.verify.act", lambda options: 0)
    command = ["verify", "model.pth"]
    monkeypatch.setattr(sys, "argv", ["deformviz", *command])
    assert deformviz.cli.main(None if own else command) == 0
    assert len(asked) == own


def test_the_app_itself_runs_no_model():
    """Its web process must stay small; its workers keep what they need."""
    parser = build_parser()
    assert not parser.parse_args(["app"]).runs_models
    assert parser.parse_args(["train", "detector"]).runs_models
