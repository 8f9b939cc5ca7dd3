"""Published models and files of other systems in Chromium, in one app with a hub of its own."""

import re

import pytest

from deformviz.checkpoints import co_deformable_detr, official_dab_detr, official_dino
from deformviz.checkpoints.own import save
from tests.app.canvas.canvas_page import eventually
from tests.checkpoints.local_hub import local_hub, tiny_repository
from tests.checkpoints.test_layouts import tiny
from tests.conftest import running_app

pytestmark = pytest.mark.browser
MS = 120_000
LISTED = "SenseTime/deformable-detr"  # what is under this name here is small and random


@pytest.fixture(scope="module")
def hub():
    """A hub with one listed model, so slow that one can press Cancel."""
    files = tiny_repository(shortest_edge=120, longest_edge=200)
    with local_hub({LISTED: files}) as hub:
        yield hub


@pytest.fixture(scope="module")
def app(hub, tmp_path_factory):
    """Address of the real app, whose hub is ours and whose cache is empty."""
    folder = tmp_path_factory.mktemp("app_of_systems")
    here = {"HF_ENDPOINT": hub.address, "DEFORMVIZ_CACHE": str(folder / "cache")}
    with running_app(folder / "server.log", **here) as (address, _):
        yield address


@pytest.fixture
def visitor(page):
    page.set_default_timeout(MS)
    return page


@pytest.mark.slow
def test_a_published_model_is_brought_stopped_resumed_and_looked_with(app, hub, visitor):
    from playwright.sync_api import expect

    size = len(hub.files["model.safetensors"])
    hub.piece, hub.pause_s = size // 40, 0.25
    visitor.goto(f"{app}/explore")
    visitor.get_by_role("button", name="Use a model trained on photographs").click()
    dialog = visitor.get_by_role("dialog")
    dialog.get_by_text(f"hf:{LISTED} · 165 MB · Apache-2.0").wait_for()
    dialog.get_by_text("Downloads are kept in").wait_for()
    dialog.get_by_role("button", name="Get", exact=True).first.click()
    dialog.get_by_text(re.compile(r"model\.safetensors, [1-9]\d? %")).wait_for()
    dialog.get_by_role("button", name="Cancel").click()
    resume = dialog.get_by_role("button", name=re.compile("Go on from .* MB"))
    resume.wait_for()
    resume.click()
    # Only then in a hurry: else a download that is being cancelled could come to its end.
    eventually(visitor, lambda: any(a and a != "bytes=0-" for _, a in hub.asked), MS / 1000)
    hub.pause_s = 0.0
    expect(dialog).to_have_count(0)
    # It looks at a photograph, and the address says with what.
    expect(visitor).to_have_url(re.compile("picture=astronaut.*model=hf"), timeout=MS)


# -- files of other systems ----------------------------------------------------------------------


SAMPLED, DENSE = "points", "each head spreads as over"
SMALL = dict(heads=8, encoder_layers=1, short_side=None, long_side=256)
EACH = pytest.mark.parametrize(
    ("layout", "title", "drawn"),
    [
        (official_dino, "DINO", SAMPLED),
        pytest.param(official_dab_detr, "DAB-DETR", DENSE, marks=pytest.mark.slow),
        pytest.param(co_deformable_detr, "Co-Deformable-DETR", SAMPLED, marks=pytest.mark.slow),
    ],
    ids=["dino", "dab-detr", "co-detr"],
)


def opened(visitor, name):
    """Open a list. It closes where the page scrolls, as it does before a click out of sight."""
    box = visitor.get_by_role("combobox", name=name)
    box.scroll_into_view_if_needed()
    visitor.wait_for_timeout(300)
    box.click()


@pytest.mark.slow
@EACH
def test_a_file_of_another_system_is_dropped_explored_and_followed(
    app, visitor, tmp_path, layout, title, drawn
):
    from playwright.sync_api import expect

    save(tiny(layout.NAMING, SMALL), tmp_path / "other.safetensors")
    visitor.goto(f"{app}/checkpoint")
    visitor.get_by_role("heading", name="Weights in numbers").wait_for()
    visitor.locator("input[type=file]").first.set_input_files(tmp_path / "other.safetensors")
    visitor.get_by_role("heading", name="other.safetensors (yours)").wait_for()
    visitor.get_by_text(re.compile(f"A {title} \\(.*keys matched")).wait_for()
    visitor.get_by_role("button", name="Explore where it looks").click()
    # While one canvas takes the place of another both are on the page for a moment.
    status, named = visitor.locator(".dv-status"), visitor.locator(".dv-honesty")
    expect(named.filter(has_text="decoder.1")).to_have_count(1, timeout=MS)
    expect(status.filter(has_text=drawn)).to_have_count(1, timeout=MS)
    if drawn == DENSE:  # the same picture under deformable attention, beside it
        opened(visitor, "Beside it")
        visitor.get_by_role("option", name="Deformable DETR, scenes").click()
        expect(visitor.locator(".dv-stage")).to_have_count(2, timeout=MS)
        expect(status.last).to_contain_text(SAMPLED)
        expect(visitor).to_have_url(re.compile("beside=deformable-detr-scenes"))
        opened(visitor, "Beside it")
        visitor.get_by_role("option", name="nothing").click()
        expect(visitor.locator(".dv-stage")).to_have_count(1)
    visitor.get_by_text("0 among queries", exact=True).click()
    expect(status.filter(has_text=DENSE)).to_have_count(1, timeout=MS)
    expect(named.filter(has_text="decoder.0.self")).to_have_count(1, timeout=MS)
    visitor.locator(".dv-stage").click(position={"x": 60, "y": 90})
    expect(visitor).to_have_url(re.compile("layer=decoder.0.self.*pin=1"))
    visitor.get_by_text("Encoder", exact=True).click()
    expect(named.filter(has_text="encoder.0")).to_have_count(1, timeout=MS)
    expect(status.filter(has_text=drawn)).to_have_count(1, timeout=MS)
    visitor.get_by_role("link", name="Learn").click()
    visitor.get_by_role("link", name="Equations").click()
    equals = visitor.get_by_text(re.compile("equals the module: .* \\(float32\\)"))
    expect(equals.first).to_be_visible(timeout=2 * MS)
    assert [error for error in visitor.console_errors if "404" not in error] == []
