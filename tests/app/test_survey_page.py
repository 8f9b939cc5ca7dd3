"""The page Survey: shipped studies, one of the server's folder, and what cannot be shown."""

import json
import os
import re
import shutil
import signal
import threading
from dataclasses import asdict

import pytest
from starlette.testclient import TestClient

from app import surveys, work
from app.rooms import SAMPLING
from deformviz.survey.extremes import Extreme
from deformviz.survey.pictures import SurveyError
from deformviz.survey.study import Study
from deformviz.survey.verdicts import verdicts
from tests.app.visit import here, me, settled, visit
from tests.app.visit import texts as escaped
from tests.survey.planted_study import PICTURES, planted_study

pytest.importorskip("duckdb", reason="DuckDB is not installed (extra [survey])")


def texts(page):
    """What the page says, without the signs that keep foreign text from being Markdown."""
    return escaped(page).replace("\\", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a study made here, and one of another version."""
    made = tmp_path_factory.mktemp("studies")
    planted_study(made)
    shutil.copytree(made / "planted", made / "older")
    told = json.loads((made / "older" / "study.json").read_text())
    (made / "older" / "study.json").write_text(json.dumps(told | {"version": 0}))
    return made


@pytest.fixture
def studies(folder, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_STUDIES", str(folder))
    return folder


def test_the_shipped_study_is_there_with_its_findings():
    page = settled(visit("survey"))
    assert not page.exception and not page.info
    said = texts(page)
    assert "What does it do over many pictures?" in said
    assert "decoder.0 head 2 reads level 0 alone: 96 % of its weight" in said
    known = surveys.list_surveys()["trained"]
    assert surveys.head_of(known, "all", 11) == ("encoder.1", 3)
    assert surveys.map_of(known, "encoder.1", 3) == 11


def test_a_study_of_the_folder_says_the_head_that_was_planted(studies):
    page = settled(visit("survey", survey="planted"))
    assert not page.exception
    said = texts(page)
    assert (
        f"encoder.0 head 1 never left its star: its points stray 0.00 cells over {PICTURES}" in said
    )
    known = surveys.list_surveys()["planted"]
    assert {v.text for v in verdicts(Study(known.path))} == {
        v.text for v in surveys.findings(known)
    }


def test_two_studies_stand_side_by_side_with_what_differs():
    page = settled(visit("survey", **{"survey": "trained", "with": "before-training"}))
    assert not page.exception
    said = texts(page)
    assert "40 heads differ from “The same before its training” to “Shipped detector" in said
    assert me(page).other_survey == "before-training"


def test_a_group_filters_maps_and_rows_and_stays_in_the_link():
    page = settled(visit("survey", group="size S"))
    assert me(page).survey_group == "size S" and not page.exception
    assert re.search(r"its mean over (\d+) pictures", texts(page))[1] != "50"


def test_a_study_of_another_version_gets_a_sentence(studies):
    page = settled(visit("survey", survey="older"))
    assert not page.exception
    assert "This study has version 0" in re.sub(r"\\", "", page.info[0].value)


def test_pictures_that_are_farthest_out_are_offered_as_recordings(studies):
    folder = studies / "planted" / "extremes"
    folder.mkdir(exist_ok=True)
    (folder / "outside-1.deformviz").write_bytes(b"recorded")
    one = Extreme(
        "outside", "encoder.0", 2, 3, "noise-03.png", 0.75, 2.1, "extremes/outside-1.deformviz"
    )
    (folder / "extremes.json").write_text(json.dumps([asdict(one), asdict(one) | {"file": "gone"}]))
    page = settled(visit("survey", survey="planted"))
    assert not page.exception
    said = texts(page)
    assert "noise-03.png: encoder.0 head 2 puts most weight outside the map (share 0.75)" in said
    assert page.expander[-1].label == "Pictures farthest out: 1"


def test_without_duckdb_the_maps_and_findings_are_there_and_a_sentence(
    studies, monkeypatch, tmp_path
):
    (tmp_path / "duckdb.py").write_text("raise ImportError('as where it is not installed')")
    monkeypatch.syspath_prepend(str(tmp_path))  # of the next worker, too
    os.utime(studies / "planted" / "study.json")  # nothing that was answered before
    work.LANES[work.TABLES].worker.end()
    try:
        page = settled(visit("survey", survey="planted"))
    finally:
        work.LANES[work.TABLES].worker.end()
    assert not page.exception
    said = texts(page)
    assert "never left its star" in said and "pip install 'deformviz[survey]'" in said


def test_a_worker_that_ends_in_the_middle_of_a_question_costs_a_sentence():
    known, worker = surveys.list_surveys()["trained"], work.LANES[work.TABLES].worker
    assert surveys.small_picture("gone.png") == b""  # there is a worker
    pid, question = worker.pid, ("bars", "entropy", "encoder.0", 3, "all")
    os.kill(pid, signal.SIGSTOP)  # it will not answer
    threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(SurveyError, match="SIGKILL.* Try again"):
        surveys.answer(known, *question)
    assert surveys.answer(known, *question).counts.sum() > 0
    assert worker.pid != pid


def test_an_atlas_is_served_by_a_key_and_nothing_else_is(studies):
    from starlette.applications import Starlette

    client = TestClient(Starlette(routes=surveys.ROUTES))
    key = surveys.list_surveys()["planted"].key
    assert client.get(f"/survey/{key}/0.bin").content[4:].startswith(b'{"v":1,"kind":"head-atlas"')
    assert client.get(f"/survey/{key}/99.bin").status_code == 404
    assert client.get("/survey/planted/0.bin").status_code == 404


def test_a_picture_behind_a_bar_leads_to_explore_at_its_query(studies):
    page = settled(visit("survey", q="32", pin="1"))
    assert not page.exception
    page.session_state["atlas"] = {"view": {"query": 27, "pinned": True, "params": {"q": "27"}}}
    settled(page)
    button = next(one for one in page.button if one.key.startswith("explore_trained_"))
    button.click().run()
    chosen = me(page).rooms[SAMPLING]
    assert chosen.picture == "upload" and chosen.layer == "decoder.1"
    assert me(page).own_picture.title.startswith("scene-30000")
    assert chosen.link_view["pin"] == "1" and int(chosen.link_view["q"]) >= 0
    assert here(page) == chosen
