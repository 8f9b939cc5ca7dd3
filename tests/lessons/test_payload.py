"""What the player is handed: every scene exists, and what is kept of equations is what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deformviz.lessons.lesson import ORDER, lesson, lessons
from deformviz.lessons.payload import Places, lesson_payload
from deformviz.lessons.worked import (
    FOLDER,
    MOMENTS,
    answering_queries,
    frames_of,
    kept,
    moving_layers,
    moving_path,
    pack_snapshot,
    path_of,
    read_worked,
    snapshots,
    work_out,
    worked_scenes,
)
from deformviz.tracing.packing import unpack_layer
from deformviz.words import part

WORKED = [(one.name, step.name) for one, step, _ in worked_scenes()]


@pytest.mark.parametrize("name", ORDER)
def test_a_lesson_is_plain_values_and_its_scenes_are_shipped(name):
    fetched = []

    def address(stored, layer):
        fetched.append(stored.layer_gzip(layer) if layer else stored.picture_jpeg())
        return f"{stored.name}/{layer or 'picture'}"

    found = json.loads(json.dumps(lesson_payload(lesson(name), Places(address, str, "math.ttf"))))
    assert [step["name"] for step in found["steps"]] == [step.name for step in lesson(name).steps]
    assert not any("computed" in (step["prediction"] or {}) for step in found["steps"])
    assert all(fetched)
    for step in found["steps"]:
        assert step["scene"] is None or step["scene"]["lab"]


def close(first, second, where=""):
    if isinstance(first, dict):
        assert set(first) == set(second), where
        for name, value in first.items():
            close(value, second[name], f"{where}.{name}")
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), where
        for place, (a, b) in enumerate(zip(first, second, strict=True)):
            close(a, b, f"{where}[{place}]")
    elif isinstance(first, float) and isinstance(second, (int, float)):
        assert np.isclose(first, second, rtol=2e-3, atol=2e-4, equal_nan=True), where
    elif not where.endswith((".difference", ".drawn_apart")):
        assert first == second, where


@pytest.mark.parametrize(("name", "step"), WORKED, ids=lambda part: part)
def test_kept_equations_are_what_the_model_says_today(name, step):
    one = lesson(name)
    today = json.loads(json.dumps(work_out(one[step].scene)))
    close(kept(one, one[step]), today)


def test_equations_are_told_in_the_language_of_the_lesson():
    one = lesson("few-points")
    english, chinese = (read_worked(one, one["by-hand"], each) for each in ("en", "zh"))
    assert english["title"].startswith("Multi-scale") and "可变形注意力" in chinese["title"]
    assert chinese["steps"][-1]["text"] != english["steps"][-1]["text"]
    assert chinese["steps"][-1]["table"] == english["steps"][-1]["table"]
    assert chinese["pictures"][0]["title"] == "玩具例子" and "told" not in chinese


def test_kept_snapshots_are_those_of_the_shipped_training():
    first = {path for path in snapshots() if path.name.startswith("snapshot-0-")}
    assert {path.name for path in first} >= {"snapshot-0-encoder.1.bin.gz"}
    compare_with_today(first)


@pytest.mark.slow
def test_a_moving_training_is_the_shipped_one_and_follows_one_object():
    for layer in moving_layers():
        kept_queries = [(at, query) for at, query, _ in frames_of(layer)]
        assert kept_queries == answering_queries() and len(kept_queries) == len(MOMENTS)
        assert len({query for _, query in kept_queries}) > 1  # or none would have to be kept
        *_, (_, query, end) = frames_of(layer)
        assert unpack_layer(end.read_bytes()).header["start_query"] == query  # its best detection
    compare_with_today(snapshots())


def compare_with_today(paths):
    for path in paths:
        was, now = unpack_layer(path.read_bytes()), unpack_layer(pack_snapshot(path))
        np.testing.assert_allclose(was.locations, now.locations, atol=1e-3)
        np.testing.assert_allclose(was.weights, now.weights, atol=1e-3)


def test_a_player_without_snapshots_leaves_a_training_to_the_lab():
    without = Places(lambda stored, layer: "x", str, "math.ttf")
    shown = lesson_payload(lesson("star-to-gaze"), without)["steps"][0]["scene"]
    assert shown["canvas"] == "" and shown["lab"].startswith("training")
    first = replace(without, snapshot=lambda path: path.name)
    shown = lesson_payload(lesson("star-to-gaze"), first)["steps"]
    assert shown[0]["scene"]["data"]["trace_url"] == "snapshot-0-encoder.1.bin.gz"
    assert shown[-2]["scene"]["data"]["trace_url"] == "x"
    moving = shown[-1]["scene"]["data"]
    assert [one["iteration"] for one in moving["frames"]] == list(MOMENTS)
    assert moving["frames"][0]["trace_url"] == "snapshot-0-decoder.2.bin.gz"
    assert moving["trace_url"] == "snapshot-13000-decoder.2.bin.gz"
    assert moving["view"] == moving["frames"][-1]["view"] and moving["view"]["pin"] == "1"
    assert len({one["view_id"] for one in moving["frames"]}) == len(moving["frames"])


def test_nothing_is_kept_that_no_lesson_shows():
    known = {path_of(one, step) for one, step, _ in worked_scenes()}
    queries = {moving_path(layer) for layer in moving_layers()}
    assert known | snapshots() | queries == set(FOLDER.glob("*.gz"))


def test_the_player_has_a_word_for_everything_it_says():
    import re
    from pathlib import Path

    scripts = Path(__file__).parents[2] / "app" / "canvas" / "lesson"
    said = {
        key
        for path in scripts.glob("*.js")
        for key in re.findall(r'"(lesson\.[a-z_]+)"', path.read_text())
    }
    assert said <= set(part("lesson")) and len(said) >= 12
    assert {f"lesson.how.{kind}" for kind in ("place", "drawing")} <= set(part("lesson"))
    assert len(lessons()) == 10
