"""What must not outlive a server lies in one folder, swept where a server was killed."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app import dropped, temporary
from app.line import NoRoom
from app.worker import Limits, one_sentence
from deformviz.training.live import LiveError, LiveOptions, LiveTraining

ROOT = Path(__file__).parents[2]
A_SERVER = (
    "from app.temporary import folder_for; "
    "(folder_for('answers') / 'large').write_bytes(bytes(9)); print('ready', flush=True); input()"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder for temporary files, of this process and of those it starts."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(place):
    with subprocess.Popen(
        [sys.executable, "-c", A_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_what_a_killed_server_left_is_swept_and_what_another_uses_is_not(server, place):
    (folder,) = place.iterdir()
    assert temporary.sweep() == [] and (folder / "answers" / "large").is_file()
    server.kill()
    server.wait()
    (place / "deformviz-server-of-somebody").mkdir()  # without a lock: none of ours
    assert temporary.sweep() == [folder]
    assert [path.name for path in place.iterdir()] == ["deformviz-server-of-somebody"]


def test_a_server_that_ends_leaves_nothing(server, place):
    server.communicate(b"\n")
    assert server.returncode == 0 and list(place.iterdir()) == []


# -- a full disk ---------------------------------------------------------------------------------


@pytest.fixture
def full(monkeypatch):
    """A disk that makes folders and files and takes no byte."""

    def refuse(*_args, **_more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill():
        monkeypatch.setattr(Path, "write_bytes", refuse)
        monkeypatch.setattr(Path, "write_text", refuse)

    return fill


def test_a_dropped_file_that_does_not_fit_costs_a_sentence_and_leaves_no_half_of_it(
    tmp_path, full, monkeypatch
):
    kept = dropped.KeptFiles(lambda: tmp_path, budget_bytes=1000)
    full()
    with pytest.raises(NoRoom, match=r"cannot write to its disk \(No space left on device\)"):
        kept.keep(b"a picture", "mine.png", "anna")
    monkeypatch.undo()
    path = kept.keep(b"a picture", "mine.png", "anna")
    assert path.read_bytes() == b"a picture" and os.listdir(path.parent) == ["mine.png"]


def test_a_worker_that_cannot_write_says_so():
    said = one_sentence(OSError(errno.ENOSPC, "No space left on device"), Limits(2**30, 1.0))
    assert "make room" in said and said.endswith(".")


def test_a_training_that_cannot_write_is_refused_with_a_sentence(full):
    training = LiveTraining()
    full()
    with pytest.raises(LiveError, match="make room"):
        training.start(LiveOptions(iterations=20))
    assert training.state().name == "idle"


def test_a_training_lies_in_the_folder_that_is_swept(place):
    training = LiveTraining(lambda: temporary.folder_for("trainings"))
    temporary.remove()
    try:
        folder = training.start(LiveOptions(iterations=20))
        assert temporary.server_folder() in folder.parents
    finally:
        training.close()
        temporary.remove()
    assert list(place.iterdir()) == []
