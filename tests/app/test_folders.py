"""Folders an operator names: every page lists what can be read there, and stumbles over nothing."""

import json
import tempfile
from pathlib import Path

import pytest

from app import recorded_runs, recordings, surveys
from app.folders import changed_at, is_file, members
from app.runs import list_models
from deformviz.checkpoints import fetch


@pytest.fixture
def folder(tmp_path):
    """A folder with a file, a folder, and links of every kind."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for place in (folder / "inner", outside):
        place.mkdir(parents=True)
    for place in (folder / "a.deformviz", outside / "b.deformviz"):
        place.write_bytes(b"recorded")
    (folder / "dangling.deformviz").symlink_to("nowhere")
    (folder / "circle.deformviz").symlink_to("circle.deformviz")
    (folder / "outside.deformviz").symlink_to(outside / "b.deformviz")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "folder.deformviz").mkdir()
    return folder


def test_what_leads_out_or_nowhere_is_left_out(folder):
    assert [path.name for path in members(folder)] == ["a.deformviz", "folder.deformviz", "inner"]
    assert list(members(folder / "gone")) == list(members(folder / "a.deformviz")) == []
    assert not is_file(folder / "circle.deformviz") and not is_file(folder / ("a" * 300))
    assert changed_at(folder / "gone") == 0 < changed_at(folder / "a.deformviz")


def test_recordings_studies_and_trainings_are_listed_by_this_rule(folder, monkeypatch):
    for name in (recordings.FOLDER, surveys.FOLDER, recorded_runs.FOLLOWED):
        monkeypatch.setenv(name, str(folder))
    elsewhere = folder / "elsewhere"
    for place in (folder / "inner", elsewhere):
        (place / "study.json").write_text("{}")
        (place / "run.json").write_text(json.dumps({"format": 1}))
    assert list(recordings.in_folder()) == ["a"]
    shipped = set(surveys.shipped_studies())
    assert set(surveys.list_surveys()) - shipped == {"inner"}
    assert [path.name for path in recorded_runs._followed()] == ["inner"]


def test_what_may_not_be_read_costs_nobody_a_page(folder, monkeypatch):
    def forbidden(self, *given, **options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.is_file", forbidden)
    monkeypatch.setattr("pathlib.Path.iterdir", forbidden)
    for name in (recordings.FOLDER, surveys.FOLDER, recorded_runs.FOLLOWED):
        monkeypatch.setenv(name, str(folder))
    assert recordings.in_folder() == {} and list(members(folder)) == []
    assert recorded_runs._followed() == [folder]


def test_a_user_without_a_home_has_a_folder_for_downloads_and_pages(monkeypatch):
    def nobody(number):
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "DEFORMVIZ_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert fetch.cache_folder().parent == Path(tempfile.gettempdir())
    assert "deformable-detr-scenes" in list_models()
    monkeypatch.setenv("DEFORMVIZ_CACHE", "~nobody-of-this-name/cache")
    assert fetch.cache_folder().parent == Path(tempfile.gettempdir())
