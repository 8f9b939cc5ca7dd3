"""The page Survey in Chromium: the shipped study, and one that is made here."""

import re

import pytest

from deformviz.survey.verdicts import verdicts
from tests.conftest import running_app
from tests.survey.planted_study import PICTURES, planted_study, trace_with_a_star

pytest.importorskip("duckdb", reason="DuckDB is not installed (extra [survey])")
pytestmark = pytest.mark.browser
MS = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a study whose encoder.0 head 1 never leaves its star."""
    folder = tmp_path_factory.mktemp("studies")
    return planted_study(folder)


@pytest.fixture(scope="module")
def surveyed(made, tmp_path_factory):
    """Address of an app that lists the study, started as `deformviz app --studies` does."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    with running_app(log, DEFORMVIZ_STUDIES=str(made.folder.path.parent)) as (address, _):
        yield address


def opened(page, address):
    """The page, once its maps are drawn and it has told Python so."""
    page.set_default_timeout(MS)
    page.goto(address)
    page.locator(".dv-explorer:not([aria-busy=true]) .dv-status").first.wait_for()
    page.get_by_role("heading", name="What stands out").wait_for()
    return page


def complaints(page):
    """What its console complained of; Streamlit looks for itself below a page's address first."""
    return [error for error in page.console_errors if "404" not in error]


@pytest.mark.slow
def test_the_shipped_study_from_its_maps_to_a_picture_in_explore(surveyed, page):
    opened(page, f"{surveyed}/survey")
    page.get_by_text("heads put more than a quarter of their weight outside the map").wait_for()
    page.get_by_text("decoder.0 head 2 reads level 0 alone: 96 % of its weight").wait_for()
    page.get_by_role("button", name="Show", exact=True).first.click()
    status = page.locator(".dv-status").first
    status.filter(has_text=re.compile(r"decoder\.0 head 2 · .* · pinned")).wait_for()
    page.get_by_text("decoder.0 head 2: click a bar to see the pictures behind it.").wait_for()
    assert "q=18" in page.url and "pin=1" in page.url
    bars = page.locator(".js-plotly-plot").last.locator(".bars .point path")
    bars.first.wait_for()
    bars.first.scroll_into_view_if_needed()
    box = bars.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".js-plotly-plot .hoverlayer .hovertext").wait_for()  # Plotly has seen it
    page.mouse.down()
    page.mouse.up()
    page.get_by_text("Pictures behind the bar").wait_for()
    page.get_by_role("button", name="Explore", exact=True).first.click()
    page.wait_for_url(re.compile(r"layer=decoder\.0"))
    assert not complaints(page)


def outside_directly(made):
    """The share of the weight of encoder.0 head 2 outside the map, from the samples themselves."""
    shares = []
    for picture in (made.folder.path.parent / "pictures").iterdir():
        layer = trace_with_a_star(picture).layers["encoder.0"]
        points, weights = layer.sampling_locations[:, 2], layer.attention_weights[:, 2]
        beyond = ((points < 0) | (points > 1)).any(-1)
        shares.append(float((weights * beyond).sum((-1, -2)).mean()))
    assert len(shares) == PICTURES
    return sum(shares) / PICTURES


@pytest.mark.slow
def test_a_study_made_here_names_the_planted_head_and_its_level_is_in_the_link(
    surveyed, made, page
):
    opened(page, f"{surveyed}/survey?survey=planted&q=1&pin=1&level=2")
    status = page.locator(".dv-status").first
    said = status.filter(has_text="encoder.0 head 1").inner_text()
    weights = made.sums["encoder.0"].weights["all"][1]
    share = 100 * weights[2].sum() / weights.sum()
    assert f"{share:.0f} % of its weight is on level 2" in said
    assert "most often 1.0, 0.0 cells from its reference" in said
    (star,) = [v for v in verdicts(made) if v.kind == "star"]
    assert star.text.endswith(f"stray 0.00 cells over {PICTURES} pictures.")
    page.get_by_text(star.text).wait_for()
    page.get_by_text("heads put more than a quarter of their weight outside the map").click()
    page.get_by_text(
        f"encoder.0 head 2 puts {100 * outside_directly(made):.0f} % of its weight outside the map"
    ).wait_for()
    page.get_by_label("Level", exact=True).or_(page.locator(".dv select")).first.select_option("0")
    page.wait_for_url(re.compile(r"level=0"))
    assert not complaints(page)


def test_the_report_draws_its_maps_without_a_server(made, page, tmp_path):
    from deformviz.figures.survey_report import survey_report

    file = tmp_path / "report.html"
    file.write_text(survey_report(made, title="Noise"), encoding="utf-8")
    page.goto(file.as_uri())
    page.locator(".dv-explorer:not([aria-busy=true]) .dv-status").wait_for(timeout=MS)
    assert page.get_by_role("heading", name="Noise").is_visible()
    painted = page.locator(".dv-canvas-photo").evaluate(
        "(c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert painted > 20 and not page.console_errors
