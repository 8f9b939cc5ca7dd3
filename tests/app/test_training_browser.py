"""The Training page as a person meets it in Chromium."""

import base64
import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import expect

from deformviz.training.loop import DetectorTraining
from deformviz.training.run_folder import RunFolder
from tests.analysis.test_recorded_run import tiny_recipe
from tests.app.canvas.canvas_page import eventually
from tests.conftest import running_app

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 180_000  # a training and its pictures share a busy machine's cores
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def training_server(tmp_path_factory):
    """The real app, following a tiny recorded run."""
    place = tmp_path_factory.mktemp("training")
    for _ in DetectorTraining(tiny_recipe(), RunFolder(place / "tiny")).run(record_every=1):
        pass
    environment = {"DEFORMVIZ_RUNS": str(place / "tiny"), "OMP_NUM_THREADS": "1"}
    with running_app(place / "log", **environment) as running:
        yield running


@pytest.fixture
def visit(page, training_server):
    """Opens the page with these parameters; returns it once all its pictures are drawn."""
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)

    def opened(parameters, pictures=3):
        page.goto(f"{training_server[0]}/training?{parameters}", wait_until="commit")
        expect(page.locator(".dr-stage[aria-busy=false]")).to_have_count(pictures)
        page.get_by_test_id("stProgress").wait_for(state="detached")
        page.locator(".dr-line").first.wait_for()
        return page

    yield opened
    expect.set_options(timeout=None)


def caption(page, when):
    """The words below one of the first run's three pictures."""
    return page.locator(f".dr-picture:has(.dr-{when}) figcaption").first


def pixels(page, when):
    """What a picture shows of marks, as a string that differs if the drawing does."""
    return page.locator(f".dr-{when} .dv-canvas-marks").first.evaluate(
        "(canvas) => canvas.toDataURL()"
    )


def drawn(page):
    """Wait until what was asked for last is on the canvas, two frames later."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def replayer(page, field):
    return page.locator(".dr").evaluate(f"(root) => root.__replay.{field}")


@pytest.mark.slow
def test_slider_curve_preset_and_play_move_the_present_alone(visit):
    page = visit("run=tiny")
    expect(caption(page, "now")).to_contain_text("iteration 0")
    expect(caption(page, "last")).to_contain_text("iteration 3")
    drawn(page)
    star, end = pixels(page, "now"), pixels(page, "last")

    page.get_by_label("Snapshot", exact=True).focus()
    page.keyboard.press("End")
    expect(caption(page, "now")).to_contain_text("iteration 3")
    drawn(page)
    assert pixels(page, "now") != star and pixels(page, "last") == end
    page.keyboard.press("ArrowLeft")
    expect(caption(page, "now")).to_contain_text("iteration 2")
    eventually(page, lambda: len(replayer(page, "counters.scrubToDrawnMs")) >= 2)

    page.locator(".dr-chart .dr-line").first.wait_for(state="attached")  # curves are measured later
    chart, stage = (page.locator(name).first.bounding_box() for name in (".dr-chart", ".dr-now"))
    assert stage["y"] > 0 and chart["y"] + 60 < 900  # a curve and what it moves, both in sight
    curves = page.locator(".dr-chart").first  # waits until it stands still
    curves.hover(position={"x": 50, "y": 50})
    expect(caption(page, "now")).to_contain_text("iteration 0")
    drawn(page)
    assert pixels(page, "now") == star
    curves.hover(position={"x": chart["width"] - 16, "y": 50})
    expect(caption(page, "now")).to_contain_text("iteration 3")

    page.get_by_role("button", name="Head 0, level 0").click()
    expect(page.locator(".dr-now")).to_be_hidden()  # start and end share the room ..
    expect(caption(page, "first")).to_contain_text("iteration 0")
    expect(caption(page, "last")).to_contain_text("iteration 3")
    start, last = (page.locator(f".dr-{when}").bounding_box() for when in ("first", "last"))
    assert start["width"] == last["width"] and start["y"] == last["y"]
    view = replayer(page, "replayer.view")
    assert view["heads"] == [0] and view["levels"] == [0] and view["lines"]
    page.get_by_label("Snapshot", exact=True).focus()
    page.keyboard.press("Home")
    expect(page.locator(".dr-now")).to_be_visible()  # .. until somebody moves the clock
    expect(caption(page, "now")).to_contain_text("iteration 0")

    page.get_by_label("Speed").select_option("4")
    page.get_by_role("button", name=re.compile("Play")).click()
    expect(caption(page, "now")).to_contain_text("iteration 3")
    expect(page.get_by_role("button", name=re.compile("Play"))).to_have_text("▶ Play")
    assert [error for error in page.console_errors if "404" not in error] == []


@pytest.mark.slow
def test_play_waits_for_the_next_snapshot(visit):
    page = visit("run=tiny")
    page.locator(".dr").evaluate("(root) => root.__replay.replayer.run.manifest.coming.push(1)")
    page.get_by_role("button", name=re.compile("Play")).click()
    expect(page.locator(".dr-iteration")).to_have_text(
        "iteration 0 · the next snapshot is on its way"
    )
    page.wait_for_timeout(1500)  # longer than a snapshot is shown
    expect(caption(page, "now")).to_contain_text("iteration 0")
    page.locator(".dr").evaluate("(root) => root.__replay.replayer.run.manifest.coming.pop()")
    expect(caption(page, "now")).to_contain_text("iteration 3")
    expect(page.locator(".dr-iteration")).to_have_text("iteration 3")


def test_the_pressed_play_button_can_be_read_and_the_preset_on_show_is_marked(visit):
    page = visit("run=tiny")
    presets = page.get_by_role("group", name="Presets")
    expect(presets.locator("[aria-pressed=true]")).to_have_text(["One object"])
    expect(page.get_by_label("Layer", exact=True)).to_have_value("decoder.1")
    at = page.locator(".dr .dv-legend").bounding_box()
    page.get_by_label("Snapshot", exact=True).press("End")
    expect(caption(page, "now")).to_contain_text("iteration 3")
    assert page.locator(".dr .dv-legend").bounding_box() == at  # it does not jump
    presets.get_by_role("button", name="Scales").click()
    expect(presets.locator("[aria-pressed=true]")).to_have_text(["Scales"])
    page.locator(".dr-play").click()
    play = page.locator(".dr-play[aria-pressed=true]")
    expect(play).to_have_text("❚❚ Pause")
    ink = play.evaluate("(button) => getComputedStyle(button).color")
    text = page.locator(".dr-iteration").evaluate("(words) => getComputedStyle(words).color")
    assert ink == text


@pytest.mark.slow
def test_a_live_training_is_watched_paused_reloaded_resumed_and_stopped(visit, training_server):
    page = visit("run=tiny")
    page.get_by_role("button", name="Train", exact=True).click()
    learning, paused, stopped = (
        page.get_by_text(re.compile(rf"{words} iteration \d+"))
        for words in ("learning:", "paused:", "stopped at")
    )
    learning.wait_for()
    [child] = trainings(training_server[1].pid)
    clock = page.locator(".dr-iteration")
    clock.wait_for()  # the new run's pictures are on show ..
    points, before = pixels(page, "now"), clock.inner_text()
    expect(clock).not_to_have_text(before)  # .. and move on by themselves
    eventually(page, lambda: pixels(page, "now") != points)  # a snapshot is on the way first
    page.get_by_role("button", name="Pause").click()
    paused.wait_for()
    page.reload(wait_until="commit")
    paused.wait_for()
    page.get_by_role("button", name="Resume").click()
    learning.wait_for()
    page.get_by_role("button", name="Stop").click()
    stopped.wait_for()
    expect(caption(page, "last")).to_contain_text("End")  # no more "Newest" ..
    end = re.search(r"iteration [\d,]+", caption(page, "last").inner_text()).group()
    expect(clock).to_have_text(end)  # .. and the present went along
    assert trainings(training_server[1].pid) == []
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.slow
def test_the_loss_of_a_live_training_falls_as_one_watches(visit):
    page = visit("run=tiny")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile(r"learning: iteration [2-9]\d\d ")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(re.compile("stopped at iteration")).wait_for()
    expect(caption(page, "last")).to_contain_text("End")
    iterations, losses = replayer(page, "replayer.run.manifest.loss")
    assert iterations[-1] > 150 and sum(losses[-3:]) < 0.9 * sum(losses[:3])


@pytest.mark.slow
def test_a_dat_bends_its_grid_while_it_learns(visit):
    page = visit("run=dat")
    expect(caption(page, "first")).to_have_text(re.compile(r"Start · iteration 0 · \w+ \d+\s%"))
    drawn(page)
    regular, end = pixels(page, "now"), pixels(page, "last")
    page.get_by_label("Snapshot", exact=True).focus()
    page.keyboard.press("End")
    expect(caption(page, "now")).to_contain_text("iteration 6,000")
    drawn(page)
    assert pixels(page, "now") != regular and pixels(page, "last") == end
    start, moved = page.locator(".dr").evaluate("""(root) => {
      const { replayer } = root.__replay;
      return [0, replayer.at].map((at) => {
        const layer = replayer.run.layer(replayer.run.iterations[at], replayer.layerName);
        const far = Array.from({ length: layer.header.knots }, (_, knot) => {
          const [from, to] = [layer.place(0, knot, 0), layer.place(0, knot, 1)];
          return Math.hypot(to[0] - from[0], to[1] - from[1]);
        });
        return Math.max(...far);
      });
    }""")
    assert start < 1e-6 and moved > 0.02  # regular at first, then bent
    page.get_by_role("button", name="All queries: start and end").click()
    expect(page.locator(".dr-now")).to_be_hidden()
    assert replayer(page, "replayer.view.importance") is True


@pytest.mark.slow
def test_changing_the_run_changes_gallery_and_kind_of_picture(visit):
    page = visit("run=tiny")
    page.get_by_test_id("stSelectbox").first.click()
    page.get_by_role("option", name="DAT, shipped").click()
    expect(page.get_by_role("button", name="Mesh")).to_be_visible()
    expect(page.locator(".dr-stage[aria-busy=false]")).to_have_count(3)
    expect(page.get_by_role("button", name="Scales")).to_have_count(0)
    page.wait_for_function("location.search.includes('run=dat')")
    assert "run=tiny" not in page.url


@pytest.mark.slow
def test_two_runs_are_compared_layer_by_layer(visit):
    page = visit("run=detector&with=tiny", pictures=6)
    titles = page.locator(".dr-run-title")
    expect(titles).to_have_text(["Deformable DETR, shipped", "tiny · decoder 1"])
    page.get_by_label("Layer", exact=True).select_option("encoder.1")
    expect(titles.nth(1)).to_have_text("tiny · encoder 0")
    expect(page.locator(".dr-stage[aria-busy=false]")).to_have_count(6)
    expect(page.locator(".dr-values")).to_contain_text("head 0, tiny")


@pytest.mark.slow
def test_points_and_an_animation_can_be_taken_away(visit):
    page = visit("run=tiny")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as points:
        page.get_by_role("button", name="Points of this query (CSV)").click()
    lines = Path(points.value.path()).read_text().splitlines()
    assert lines[0] == "iteration,query,head,level,point,x,y,weight"
    assert len(lines) == 1 + 3 * 4 * 3 * 2
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as film:
        page.get_by_role("button", name="Animation (WebM)").click()
    data = base64.b64encode(Path(film.value.path()).read_bytes()).decode()
    played = page.evaluate(PLAY, data)
    assert played["width"] == 1260 and played["height"] > 200
    assert played["frames"] >= 10 and len(set(played["pictures"])) >= 3


@pytest.mark.slow
def test_what_is_on_show_is_taken_away_as_a_still_picture(visit):
    page = visit("run=tiny")
    page.get_by_label("Snapshot", exact=True).press("End")
    expect(caption(page, "now")).to_contain_text("iteration 3")
    drawn(page)
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="These pictures (SVG)").click()
    root = ElementTree.fromstring(Path(taken.value.path()).read_text())
    svg = "{http://www.w3.org/2000/svg}"
    panels = root.findall(f"{svg}svg")
    assert len(panels) == 3
    words = [node.text for node in root.iter(f"{svg}text")]
    assert any(word.startswith("Now · iteration 3") for word in words)
    on_show = page.locator(".dr").evaluate(PLACED)
    marks = [node for node in panels[1].iter() if node.get("cx") or node.get("points")]
    discs = {(float(m.get("cx")), float(m.get("cy"))) for m in marks if m.get("cx")}
    assert on_show and len(discs) >= 3
    for x, y in on_show:
        y *= float(panels[1].get("height"))
        assert min(abs(520 * x - u) + abs(y - v) for u, v in discs) < 1
    page.get_by_role("button", name="Head 0, level 0").click()
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="These pictures (PNG)").click()
    with Image.open(taken.value.path()) as image:
        assert image.width == 2 * (2 * 520 + 12)  # start and end


# Places of the present's discs inside the stage, as shares of its width and height.
PLACED = """(root) => {
  const { scene } = root.__replay.theatre.stageOf(0, "now");
  return scene.placed
    .filter(({ level, beyond }) => level === 0 && !beyond)
    .map(({ stageX, stageY }) => [stageX / scene.width, stageY / scene.height]);
}"""

PLAY = """async (data) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = `data:video/webm;base64,${data}`;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [64, 16];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pictures = [];
  const look = () => {
    context.drawImage(video, 0, 0, 64, 16);
    pictures.push(context.getImageData(0, 0, 64, 16).data.join());
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await video.play();
  await new Promise((done) => { video.onended = done; });
  return { width: video.videoWidth, height: video.videoHeight, frames: pictures.length, pictures };
}"""


def trainings(pid):
    """Process numbers of the trainings that a server runs."""
    listed = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid=,stat=,args="], text=True, capture_output=True
    ).stdout.splitlines()
    rows = [line.split(maxsplit=2) for line in listed]
    return [
        int(number)
        for number, state, words in rows
        if "train detector" in words and not state.startswith("Z")
    ]
