"""Checkpoint and Attribution in Chromium: files of all kinds, two snapshots, a deletion curve."""

import os
import re
import sys
import urllib.parse
import urllib.request

import pytest
import torch

from deformviz.checkpoints.own import save
from deformviz.models.dat import DAT
from deformviz.models.dat_presets import dat_scenes
from deformviz.words.markdown import APART
from tests.conftest import running_app
from tests.models.tiny_detector import tiny_detector

pytestmark = pytest.mark.browser
MS = 60_000


@pytest.fixture
def visitor(page):
    page.set_default_timeout(MS)
    return page


def heading(visitor, name, level=3):
    """A heading of exactly this text, once it is there."""
    found = visitor.get_by_role("heading", name=name, exact=True, level=level)
    found.wait_for()
    return found


def complaints(visitor):
    """What its console complained of; Streamlit looks for itself below a page's address first."""
    return [error for error in visitor.console_errors if "404" not in error]


def drop(visitor, path):
    visitor.locator("input[type=file]").first.set_input_files(path)


class Touch:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.slow
def test_wrong_and_hostile_files_get_a_sentence_and_a_good_one_its_stars(server, visitor, tmp_path):
    (tmp_path / "wrong.pth").write_bytes(b"no weights, just words and words")
    torch.save({"model": Touch(tmp_path / "executed")}, tmp_path / "hostile.pth")
    save(tiny_detector(), tmp_path / "good.safetensors")
    visitor.goto(f"{server}/checkpoint")
    heading(visitor, "Weights in numbers")
    for name, said in (
        ("wrong.pth", "wrong.pth is not a checkpoint"),
        ("hostile.pth", "nothing of it was executed"),
    ):
        drop(visitor, tmp_path / name)
        visitor.get_by_role("alert").get_by_text(said).wait_for()
    assert not (tmp_path / "executed").exists()
    with urllib.request.urlopen(f"{server}/_stcore/health", timeout=10) as alive:
        assert alive.status == 200
    drop(visitor, tmp_path / "good.safetensors")
    heading(visitor, "good.safetensors (yours)")
    heading(visitor, "Where every head looks by default")
    visitor.get_by_test_id("stPlotlyChart").first.wait_for()
    visitor.get_by_role("alert").wait_for(state="detached")
    assert complaints(visitor) == []


@pytest.mark.slow
def test_two_snapshots_of_the_shipped_training_are_compared(server, visitor):
    visitor.goto(f"{server}/checkpoint")
    visitor.get_by_role("button", name="What did its training change?").click()
    heading(visitor, "Side by side")
    visitor.get_by_text(re.compile("at iteration 0\\. They have .* 0 settings differ")).wait_for()
    visitor.get_by_text(re.compile("differs most, by .* of its size in A")).wait_for()
    visitor.get_by_text("A: decoder.2", exact=True).wait_for()
    visitor.get_by_text("moved by 0.00 box shares; a query adds 0 %").first.wait_for()
    first = visitor.get_by_role("slider").first
    first.press("ArrowLeft")  # an earlier snapshot
    visitor.get_by_text(re.compile("A is .* at iteration (?!13,000)")).wait_for()
    assert "checkpoint=training" in visitor.url and "with=training" in visitor.url
    assert complaints(visitor) == []


@pytest.mark.slow
def test_from_a_detection_to_its_attribution_and_its_deletion_curve(server, visitor):
    visitor.goto(f"{server}/checkpoint")
    visitor.get_by_role("button", name="Do its weights mean anything?").click()
    visitor.get_by_role("combobox", name=re.compile("Detection")).click()
    visitor.get_by_role("option").nth(1).click()  # of the surest one the answer is stored
    visitor.get_by_role("button", name="Trace it back").click()
    visitor.get_by_role("button", name="Cancel").wait_for()
    heading(visitor, "Every method against every layer")
    visitor.get_by_text(re.compile("heaviest of 128 points, decoder.. would move")).wait_for()
    visitor.get_by_text("What they are worth", exact=True).wait_for()
    curve = visitor.get_by_test_id("stPlotlyChart").filter(has_text="points deleted")
    for order in ("by weight", "by attribution", "at random"):
        curve.get_by_text(re.compile(f"{order}: 0\\.")).wait_for()
    assert complaints(visitor) == []


def test_a_click_on_a_box_chooses_its_detection(server, visitor):
    from playwright.sync_api import expect

    visitor.goto(f"{server}/attribution?picture=busy-street")
    picture = visitor.get_by_role("figure", name=re.compile("asked is"))
    points = picture.locator(".point")
    points.last.wait_for(state="attached")  # of the largest box; the first: the smallest
    asked = []
    for point in (points.first, points.last):
        expect(picture).to_have_count(1)  # the one before has gone
        asked.append(picture.get_attribute("aria-label"))
        address = visitor.url
        point.click(force=True)
        expect(visitor.get_by_role("figure", name=asked[-1])).to_have_count(0)
        expect(visitor).to_have_url(re.compile("detection="))
        expect(visitor).not_to_have_url(address)
    assert complaints(visitor) == []


def detector():
    return tiny_detector()


def classifier():
    torch.manual_seed(0)
    return DAT(dat_scenes(("boat", "cat", "tree"))).eval()


@pytest.mark.parametrize(
    ("model", "button", "title"),
    [
        (detector, "Explore where it looks", "Where does it look?"),
        (detector, "Follow its equations", "The equations, step by step"),
        (detector, "Do its weights mean anything?", "Do the weights mean anything?"),
        (classifier, "See its deformed grids", "Where does the grid bend?"),
        (classifier, "Do its weights mean anything?", "Do the weights mean anything?"),
    ],
)
@pytest.mark.slow
def test_every_page_it_leads_to_opens_with_the_dropped_file(
    server, visitor, tmp_path, model, button, title
):
    save(model(), tmp_path / "mine.safetensors")
    visitor.goto(f"{server}/checkpoint")
    heading(visitor, "Weights in numbers")
    drop(visitor, tmp_path / "mine.safetensors")
    heading(visitor, "mine.safetensors (yours)")
    visitor.get_by_role("button", name=button).click()
    heading(visitor, title, level=1)
    sidebar = visitor.get_by_test_id("stSidebar")
    sidebar.get_by_text("mine.safetensors (yours)").or_(
        sidebar.locator('input[value="mine.safetensors (yours)"]')
    ).first.wait_for()


# -- files as large as the published ones --------------------------------------------------------


@pytest.fixture
def roomy_server(tmp_path):
    """(address, process) of the app as `./run` starts it for this machine alone."""
    with running_app(tmp_path / "server.log", "--server.maxUploadSize", "500") as running:
        yield running


def memory_mib(process, line):
    """VmRSS now or VmHWM, the most since it was reset."""
    status = open(f"/proc/{process.pid}/status").read()
    return int(re.search(rf"^{line}:\s+(\d+)", status, re.M)[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_of_published_size_can_be_dropped_and_leaves_only_its_model(
    roomy_server, visitor, tmp_path
):
    from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig

    address, process = roomy_server
    path = tmp_path / "r50_deformable_detr.pth"
    torch.save({"model": DeformableDETR(DeformableDETRConfig(classes=91)).state_dict()}, path)
    size_mib = path.stat().st_size / 2**20
    assert 150 < size_mib < 180
    visitor.goto(f"{address}/checkpoint")
    heading(visitor, "Weights in numbers")
    before = memory_mib(process, "VmRSS")
    open(f"/proc/{process.pid}/clear_refs", "w").write("5")
    drop(visitor, path)
    heading(visitor, "r50_deformable_detr.pth (yours)")
    visitor.get_by_text("40.1 M", exact=True).wait_for()
    visitor.wait_for_timeout(3000)  # the server lets go of what it received
    assert memory_mib(process, "VmHWM") - before < 4 * size_mib
    assert memory_mib(process, "VmRSS") - before < 2 * size_mib


@pytest.mark.slow
@pytest.mark.parametrize(
    "page_name, parameter", [("myths", "myths_wish"), ("attribution", "detection")]
)
def test_what_a_link_says_is_no_link_and_fetches_nothing(server, visitor, page_name, parameter):
    trick = "https://evil.example www.evil.example a@evil.example ![p](//evil.example/p.png)"
    asked = []
    visitor.on("request", lambda request: asked.append(request.url))
    visitor.goto(f"{server}/{page_name}?{urllib.parse.urlencode({parameter: trick})}")
    note = visitor.get_by_test_id("stAlert").filter(has_text="evil.example").first
    note.wait_for()
    assert trick in note.inner_text().replace(APART, "")
    assert visitor.locator("a[href*='evil'], img[src*='evil']").count() == 0
    assert not [url for url in asked if urllib.parse.urlsplit(url).hostname == "evil.example"]
