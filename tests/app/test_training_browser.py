"""The Training page as a person meets it in Chromium."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from deformviz.training.loop import DetectorTraining
from deformviz.training.run_folder import RunFolder
from tests.analysis.test_recorded_run import tiny_recipe
from tests.app.canvas_page import eventually
from tests.conftest import free_port, wait_until_listening

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 60_000
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def training_server(tmp_path_factory):
    """The real app, following a tiny recorded run."""
    place = tmp_path_factory.mktemp("training")
    for _ in DetectorTraining(tiny_recipe(), RunFolder(place / "tiny")).run(record_every=1):
        pass
    port, log = free_port(), place / "log"
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true",
               "--server.address", "127.0.0.1", "--server.port", str(port)]
    environment = {**os.environ, "DEFORMVIZ_RUNS": str(place / "tiny"), "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output,
                                   env=environment)
    try:
        wait_until_listening(process, port, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def training(page, training_server):
    """The page of the tiny run with all pictures on show."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{training_server[0]}/training?run=tiny", wait_until="commit")
    expect(page.locator(".dr-stage[aria-busy=false]")).to_have_count(3, timeout=PATIENCE_MS)
    page.get_by_test_id("stProgress").wait_for(state="detached")
    page.locator(".dr-line").first.wait_for()
    return page


def pixels(page, stage):
    """What a stage shows of marks, as a string that differs if the drawing does."""
    return page.locator(f".dr-{stage} .dv-canvas-marks").evaluate(
        "(canvas) => canvas.toDataURL()")


def test_scrubbing_changes_the_present_and_nothing_else(training):
    slider = training.get_by_label("Snapshot", exact=True)
    expect(slider).to_have_value("2")
    now, first = pixels(training, "now"), pixels(training, "first")
    slider.focus()
    training.keyboard.press("Home")
    training.get_by_text("Now · iteration 0").wait_for()
    eventually(training, lambda: pixels(training, "now") != now)
    assert pixels(training, "first") == first
    times = training.locator(".dr").evaluate("(root) => root.__replay.counters.scrubToDrawnMs")
    assert len(times) >= 1


def test_hovering_a_curve_takes_the_picture_there(training):
    box = training.locator(".dr-chart").bounding_box()
    training.mouse.move(box["x"] + 50, box["y"] + 60)
    training.get_by_text("Now · iteration 0").wait_for()
    training.mouse.move(box["x"] + box["width"] - 16, box["y"] + 60)
    training.get_by_text("Now · iteration 3").wait_for()


def test_presets_show_one_arm_of_the_star(training):
    training.get_by_role("button", name="Head 0, level 0: start").click()
    training.get_by_text("Now · iteration 0").wait_for()
    view = training.locator(".dr").evaluate("(root) => root.__replay.replayer.view")
    assert view["heads"] == [0] and view["levels"] == [0] and view["lines"]
    expect(training.get_by_label("Layer", exact=True)).to_have_value(re.compile("^encoder"))


def test_playing_ends_at_the_last_snapshot(training):
    training.get_by_label("Speed").select_option("4")
    training.get_by_role("button", name=re.compile("Play")).click()
    training.get_by_text("Now · iteration 3").wait_for()
    assert training.console_errors == [] or all(
        "404" in error for error in training.console_errors)


def test_curves_and_points_can_be_taken_away(training):
    training.get_by_text("Export", exact=True).click()
    with training.expect_download() as download:
        training.get_by_role("button", name="Points of this query (CSV)").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "iteration,query,head,level,point,x,y,weight"
    assert len(lines) == 1 + 3 * 4 * 3 * 2


def test_a_live_training_is_watched_paused_reloaded_resumed_and_stopped(training, training_server):
    training.get_by_role("button", name="Train", exact=True).click()
    words = training.get_by_text(re.compile(r"learning: iteration \d+"))
    words.wait_for()
    children = descendants(training_server[1].pid)
    assert any("train detector" in line for line in children)
    training.get_by_role("button", name="Pause").click()
    training.get_by_text(re.compile("paused: iteration")).wait_for()
    training.reload(wait_until="commit")
    training.get_by_text(re.compile("paused: iteration")).wait_for()
    training.get_by_role("button", name="Resume").click()
    words.wait_for()
    training.locator(".dr-line").first.wait_for()
    training.get_by_role("button", name="Stop").click()
    training.get_by_text(re.compile("over: iteration")).wait_for()
    eventually(training, lambda: not any(
        "train detector" in line for line in descendants(training_server[1].pid)))


def descendants(pid):
    """Command lines of the processes a server has started."""
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "stat=,args="], capture_output=True,
                            text=True).stdout.splitlines()
    return [line for line in listed if not line.startswith("Z")]
