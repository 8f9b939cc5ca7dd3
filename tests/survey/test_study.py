"""A study made in one go, in shares, by several processes, and after a kill: the same tables."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deformviz.cli import main
from deformviz.survey.contrast import changes
from deformviz.survey.finish import keep_results
from deformviz.survey.make import make, plan
from deformviz.survey.parts import StudyFolder, merge
from deformviz.survey.pictures import SurveyError
from deformviz.survey.study import Study
from tests.survey.same_study import assert_same

MODEL = "deformable-detr-scenes"
ROOT = Path(__file__).parents[2]


def scenes(count, per_part=3, **asked):
    from dataclasses import replace

    settings, pictures = plan(MODEL, f"scenes:{count}", **asked)
    return replace(settings, per_part=per_part), pictures


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of eight scenes, made in one go."""
    out = tmp_path_factory.mktemp("whole")
    make(out, *scenes(8))
    return Study(out)


def test_shares_of_four_machines_merge_to_the_same_study(whole, tmp_path):
    settings, pictures = scenes(8)
    shares = []
    for shard in range(4):
        shares.append(tmp_path / f"share{shard}")
        make(shares[-1], settings, pictures, shard=shard, shards=4)
    merged = Study(merge(shares, tmp_path / "all").path)
    assert merged.complete
    assert_same(whole, merged)


@pytest.mark.slow
def test_two_processes_make_the_same_study(whole, tmp_path):
    make(tmp_path / "two", *scenes(8), workers=2)
    assert_same(whole, Study(tmp_path / "two"))


SLOWLY = """
import sys, time
from tests.survey.test_study import scenes
from deformviz.survey import operator
from deformviz.survey.make import make
measure = operator.Operator.measure
def slowly(self, *arguments):
    measure(self, *arguments)
    time.sleep(0.15)
operator.Operator.measure = slowly
make(sys.argv[1], *scenes(8))
"""


@pytest.mark.slow
def test_a_killed_survey_goes_on_without_loss_or_doubling(whole, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, str(out)], cwd=ROOT)
    folder, until = StudyFolder(out), time.monotonic() + 90
    while not folder.done() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(folder.done()) < 3
    left = folder.path / "parts" / ".00002-left"
    left.mkdir()
    told = []
    make(out, *scenes(8), on_progress=told.append)
    assert told[0].done > 0 and told[-1].done == told[-1].count == 8
    assert not left.exists()
    assert_same(whole, Study(out))


def test_totals_kept_beside_the_parts_are_their_sums(whole, tmp_path):
    merged = Study(merge([whole.folder.path], tmp_path / "kept").path)
    keep_results(merged)
    assert_same(whole, Study(tmp_path / "kept"))


def test_pictures_that_cannot_be_read_are_listed_and_the_rest_goes_on(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.full((70, 90, 3), 90, np.uint8)).save(pictures / "good.png")
    (pictures / "half.png").write_bytes((pictures / "good.png").read_bytes()[:60])
    (pictures / "text.jpg").write_text("no picture")
    assert (
        main(["survey", "--model", MODEL, "--images", str(pictures), "--out", str(tmp_path / "s")])
        == 0
    )
    study = Study(tmp_path / "s")
    assert [name for name, _ in study.skipped()] == ["half.png", "text.jpg"]
    assert study.complete and study.sums["encoder.0"].pictures == 1


def test_another_study_in_the_folder_is_refused_by_the_setting_that_differs(whole):
    with pytest.raises(SurveyError, match="queries = 'all'"):
        make(whole.folder.path, *scenes(8, queries="detections"))


def test_a_study_of_another_version_and_a_folder_without_one(tmp_path):
    with pytest.raises(SurveyError, match=r"it has no study\.json"):
        Study(tmp_path)
    (tmp_path / "study.json").write_text('{"version": 99}')
    with pytest.raises(SurveyError, match="version 99"):
        Study(tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(SurveyError, match="damaged"):
        Study(tmp_path)


FULL = """
import resource, signal, sys
from tests.survey.test_study import scenes
from deformviz.survey.make import make
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
make(sys.argv[1], *scenes(8))
"""


@pytest.mark.slow
def test_a_disk_without_room_ends_in_a_sentence_and_leaves_nothing_half_done(tmp_path):
    reply = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "full")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "could not be written" in reply.stderr.splitlines()[-1]
    assert not any((tmp_path / "full" / "parts").iterdir())


def test_a_damaged_part_is_named(whole, tmp_path):
    copied = merge([whole.folder.path], tmp_path / "damaged")
    file = copied.part(1) / "sums.npz.xz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SurveyError, match="00001 is damaged"):
        _ = Study(copied.path).sums


def test_questions_are_answered_by_sql(whole):
    rows = whole.connect().execute("SELECT count(*), max(picture) FROM layers").fetchall()
    assert rows == [(8 * 5 * 8 * 4, 7)]


def test_a_study_compared_with_itself_has_no_changes(whole):
    assert changes(whole, whole) == []
