"""A study made in one go, in shares, by several processes, and after a kill: the same tables."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deformviz as dv
from deformviz.cli import main
from deformviz.survey.contrast import changes
from deformviz.survey.finish import keep_results
from deformviz.survey.make import PartMaker, make, plan
from deformviz.survey.parts import StudyFolder, merge
from deformviz.survey.pictures import SurveyError
from deformviz.survey.study import Study
from tests.survey.planted_study import trace_with_a_star
from tests.survey.same_study import assert_same

MODEL = "deformable-detr-scenes"
ROOT = Path(__file__).parents[2]


def scenes(count, per_part=3, **asked):
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


@pytest.mark.slow
def test_a_worker_process_that_dies_costs_nothing(tmp_path, monkeypatch, caplog):
    """The first process to come to the third picture is killed; another makes its part."""
    rng = np.random.default_rng(2)
    for number in range(6):
        pixels = rng.integers(0, 256, (50, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    monkeypatch.setenv("DIES_ONCE", str(tmp_path / "died"))
    settings, pictures = plan("tests.survey.planted_study:dies_once", tmp_path)
    settings = replace(settings, per_part=2)
    made = make(tmp_path / "two", settings, pictures, workers=2)
    assert (tmp_path / "died").exists() and "A worker process died; " in caplog.text
    assert_same(Study(make(tmp_path / "one", settings, pictures).path), Study(made.path))


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


@pytest.mark.slow
def test_a_model_of_transformers_is_surveyed_by_its_folder(tmp_path):
    """One whose levels have different numbers of points."""
    pytest.importorskip("transformers")
    from tests.tracing.looked_at import picture, processor_of
    from tests.tracing.transformers_families import build

    build("d_fine").save_pretrained(tmp_path / "model")
    processor_of("d_fine").save_pretrained(tmp_path / "model")
    (tmp_path / "pictures").mkdir()
    for name in ("a", "b"):
        Image.fromarray(picture()).save(tmp_path / "pictures" / f"{name}.png")
    study = dv.survey(str(tmp_path / "model"), tmp_path / "pictures")
    trace = dv.run(dv.load(tmp_path / "model"), picture())
    assert not study.skipped() and list(study.sums) == list(trace.layers)
    for name, layer in trace.layers.items():
        weights, points = layer.attention_weights.flatten(2), layer.sampling_locations
        beyond = ((points < 0) | (points > 1)).any(-1).flatten(2)
        outside = (weights * beyond).sum(-1).mean(0).numpy()  # [head]
        assert study.sums[name].points == layer.points_per_level
        for found in study.per_picture("outside_share")[name].sum(-1):
            assert found == pytest.approx(outside, rel=1e-4, abs=1e-6)


class Movable:
    """A function from a picture to a Trace that notes where it is sent."""

    sent = ""

    def __call__(self, picture):
        return trace_with_a_star(picture)

    def to(self, device):
        self.sent = device
        return self


def test_a_model_runs_on_the_device_that_is_asked_for(tmp_path):
    Image.new("RGB", (9, 7)).save(tmp_path / "a.png")
    settings, pictures = plan("m", tmp_path)
    model = Movable()
    StudyFolder(tmp_path / "s").create(settings)
    PartMaker(tmp_path / "s", settings, pictures, model, device="cuda").make(0)
    assert model.sent == "cuda" and Study(tmp_path / "s").complete


def test_totals_kept_beside_the_parts_are_their_sums(whole, tmp_path):
    merged = Study(merge([whole.folder.path], tmp_path / "kept").path)
    keep_results(merged)
    assert_same(whole, Study(tmp_path / "kept"))


def test_pictures_that_cannot_be_read_are_listed_and_the_rest_goes_on(tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.full((70, 90, 3), 90, np.uint8)).save(pictures / "good.png")
    (pictures / "half.png").write_bytes((pictures / "good.png").read_bytes()[:60])
    (pictures / "text.jpg").write_text("no picture")
    names = tmp_path / "list.txt"
    names.write_text("half.png\ngone.png\ngood.png\ntext.jpg\n")
    asked = ["survey", "--model", MODEL, "--images", str(names), "--root", str(pictures)]
    assert main([*asked, "--out", str(tmp_path / "s")]) == 0
    study = Study(tmp_path / "s")
    assert [name for name, _ in study.skipped()] == ["half.png", "gone.png", "text.jpg"]
    assert study.complete and study.sums["encoder.0"].pictures == 1
    said = capsys.readouterr().out
    assert "4 of 4 pictures" in said and "skipped gone.png: " in said


def test_a_study_none_of_whose_pictures_can_be_read_is_empty_and_says_so(tmp_path, capsys):
    (tmp_path / "a.png").write_text("no picture")
    asked = ["survey", "--model", MODEL, "--images", str(tmp_path), "--out", str(tmp_path / "s")]
    assert main(asked) == 0
    assert "skipped a.png" in capsys.readouterr().out
    study = Study(tmp_path / "s")
    assert study.complete and not study.sums and study.verdicts() == []


def test_a_share_without_a_picture_is_no_mistake(tmp_path, capsys):
    asked = ["survey", "--model", MODEL, "--images", "scenes:30", "--out", str(tmp_path / "s")]
    assert main([*asked, "--shard", "3/4"]) == 0
    assert "no picture falls to share 3 of 4" in capsys.readouterr().out
    assert StudyFolder(tmp_path / "s").settings().pictures == 30


def test_a_place_where_nothing_can_be_written_gets_a_sentence(whole, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SurveyError, match=r"cannot be begun in .*file"):
        make(tmp_path / "file", *scenes(8))
    copied = Study(merge([whole.folder.path], tmp_path / "kept").path)
    (tmp_path / "kept" / "tables").write_text("in the way")
    with pytest.raises(SurveyError, match="could not be written .* nothing is measured twice"):
        keep_results(copied)


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
    file = copied.part(1) / "sums.npz.zst"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SurveyError, match="00001 is damaged"):
        _ = Study(copied.path).sums


def test_questions_are_answered_by_sql(whole):
    rows = whole.connect().execute("SELECT count(*), max(picture) FROM layers").fetchall()
    assert rows == [(8 * 5 * 8 * 4, 7)]


def test_a_study_compared_with_itself_has_no_changes(whole):
    assert changes(whole, whole) == []
