"""`recording.show()`: the app that runs is used, else one is started; a page where none can be."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import torch

import deformviz as dv
from deformviz.cli import at_hand, shown
from deformviz.figures import showing
from tests.tracing.foreign_modules import RTDETRAttention

ROOT = Path(__file__).parents[1]


class Net(torch.nn.Module):
    """A picture goes in, one decoder layer comes out."""

    def __init__(self):
        super().__init__()
        self.decoder = torch.nn.ModuleList([RTDETRAttention()])
        self.features = torch.nn.Conv2d(3, 16, 8, 8)

    def forward(self, pixels):
        first = self.features(pixels)
        maps = [first, first[..., ::2, ::2], first[..., ::4, ::4]]
        shapes = [tuple(level.shape[-2:]) for level in maps]
        memory = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], 1)
        return self.decoder[0](memory[:, :5], torch.rand(1, 5, 1, 4), memory, shapes)


@pytest.fixture
def recording(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    model = Net().eval()
    with torch.no_grad(), dv.record(model) as made:
        model(torch.rand(1, 3, 40, 56))
    return made


@pytest.fixture
def opened(monkeypatch):
    addresses = []
    monkeypatch.setattr(shown.webbrowser, "open", addresses.append)
    return addresses


def test_an_app_that_runs_is_used(recording, opened, monkeypatch):
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(shown, "running", lambda: 8765)
    address = recording.show(view={"q": 3})
    assert address == "http://127.0.0.1:8765/recordings?recording=Net-1&q=3"
    assert opened == [address]
    assert len(dv.open(at_hand.shown_folder() / "Net-1.deformviz")) == 1


def test_shown_recordings_make_room_for_newer_ones(recording):
    names = [shown.keep(recording).stem for _ in range(shown.KEPT + 2)]
    left = {path.stem for path in at_hand.shown_folder().glob("*.deformviz")}
    assert len(left) == shown.KEPT and names[-1] in left


def test_without_a_desktop_a_page_is_made(recording, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shown.sys, "platform", "linux")
    monkeypatch.setattr(showing.webbrowser, "open", lambda address: None)
    assert recording.show().read_text().startswith("<!doctype html>")


def test_a_note_nobody_stands_behind_is_no_app(recording):
    assert at_hand.running() is None
    with at_hand.noted(9):
        assert at_hand.running() is None
    at_hand._note().write_text("[]")
    assert at_hand.running() is None


@pytest.mark.slow
def test_a_script_starts_the_app_and_the_next_one_finds_it(recording, tmp_path):
    path = recording.save(tmp_path / "mine.deformviz")
    script = f"import deformviz as dv; print(dv.open({str(path)!r}).show(), flush=True)"
    environ = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
    environ["BROWSER"] = "echo opened %s"
    command = [sys.executable, "-c", script]
    first = subprocess.Popen(
        command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = next(filter(None, (re.match(r"opened (\S+)", line) for line in first.stdout)))[1]
        port = json.loads((tmp_path / "cache" / "app.json").read_text())["port"]
        assert address == f"http://127.0.0.1:{port}/recordings?recording=Net-1"
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200
        second = subprocess.run(
            command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert f"http://127.0.0.1:{port}/recordings?recording=Net-2" in second.stdout
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=60) == 0
        assert not (tmp_path / "cache" / "app.json").exists()
    finally:
        first.kill()
