"""Recordings taken along: the page, the figure and the numbers say what the trace says."""

import base64
import csv
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

import deformviz as dv
from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.figures import showing
from deformviz.figures.marks_engine import FigureError
from deformviz.figures.recordings import figure, pack, to_html
from deformviz.geometry import normalised_to_original
from deformviz.schema import ImageFrame
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.proven import Proof
from deformviz.tracing.recorded_image import RecordedImage
from deformviz.tracing.recording import Recording
from deformviz.tracing.tables import save_arrays, save_points
from tests.tracing import looked_at
from tests.tracing.transformers_families import build

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def picture():
    return looked_at.picture()


@pytest.fixture(scope="module")
def unequal():
    """A D-FINE with 3, 4 and 2 points, looked at."""
    pytest.importorskip("transformers")
    return looked_at.looked_at("d_fine", title="A <room>")


@pytest.fixture(scope="module")
def stretched(picture):
    """An RT-DETR, whose processor stretches every picture to one size."""
    transformers = pytest.importorskip("transformers")
    processor = transformers.RTDetrImageProcessorPil(size={"height": 64, "width": 64})
    return dv.look(build("rt_detr"), picture, processor=processor)


@pytest.fixture(scope="module")
def masked():
    """A Mask2Former, whose encoder alone samples."""
    pytest.importorskip("transformers")
    return looked_at.looked_at("mask2former")


@pytest.fixture(scope="module")
def prompted():
    """A Grounding DINO that was asked for a cat."""
    pytest.importorskip("transformers")
    return looked_at.looked_at("grounding_dino")


@pytest.fixture(scope="module")
def own(picture):
    return dv.look(dv.load("deformable-detr-scenes"), picture)


@pytest.fixture(scope="module")
def grids(picture):
    return dv.look(dv.load("dat-scenes"), picture)


def test_a_figure_shows_every_sample_of_its_query_where_the_trace_says(unequal):
    pytest.importorskip("py_mini_racer")
    made = figure(unequal, layer="decoder.1", query=4, lines=False, dim=0)
    root = ElementTree.fromstring(made.svg)
    trace = unequal.trace()["decoder.1"]
    places = normalised_to_original(unequal.images[0].frame)(
        trace.locations_by_sample[4].reshape(-1, 2).double().numpy()
    )
    scale = made.width / 144
    seen = {
        (round(float(node.get("cx")), 0), round(float(node.get("cy")), 0))
        for node in root.iter(f"{SVG}circle")
    }
    first = trace.sample_levels[0]  # the discs; other levels have other shapes
    of_first = np.arange(len(places)).reshape(4, 9)[:, first].ravel()
    inside = [i for i in of_first if 0 <= places[i, 0] < 143 and 0 <= places[i, 1] < 89]
    assert inside
    for index in inside:
        x, y = (places[index] + 0.5) * scale
        assert min(abs(x - u) + abs(y - v) for u, v in seen) < 1.5


def test_an_unknown_query_is_refused_in_a_sentence(unequal):
    pytest.importorskip("py_mini_racer")
    with pytest.raises(FigureError, match="cannot show this: .*query 99"):
        figure(unequal, query=99)


def test_a_stretched_picture_is_drawn_in_its_own_proportions(stretched):
    pytest.importorskip("py_mini_racer")
    made = figure(stretched, query=1)
    node = next(ElementTree.fromstring(made.svg).iter(f"{SVG}image"))
    assert float(node.get("width")) / float(node.get("height")) == pytest.approx(144 / 90, rel=0.01)


def test_a_grid_has_its_figure_too(grids):
    pytest.importorskip("py_mini_racer")
    root = ElementTree.fromstring(figure(grids).svg)
    assert len(list(root.iter(f"{SVG}circle"))) + len(list(root.iter(f"{SVG}polygon"))) > 4


@pytest.mark.parametrize("ending, start", [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_figures_are_saved_as_they_are_called(own, tmp_path, ending, start):
    for package in ("py_mini_racer", "resvg_py", "cairosvg"):
        pytest.importorskip(package)
    made = own.figure(layer="decoder.0", query=2, heads=[1])
    path = made.save(tmp_path / f"figure.{ending}")
    assert path.read_bytes().startswith(start)
    with pytest.raises(FigureError, match="must end in"):
        made.save(tmp_path / "figure.gif")


def facts_of(page):
    return json.loads(re.search(r'id="facts">(.*?)</script>', page, re.S)[1])


def test_the_page_carries_layers_proofs_and_versions(unequal, tmp_path):
    page = unequal.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    facts = facts_of(page)
    assert list(facts["layers"]) == ["decoder.0", "decoder.1"] and facts["first"] == "decoder.1"
    assert all(text.startswith("Replayed: ") for text in facts["proofs"].values())
    assert facts["versions"]["torch"] == torch.__version__
    assert "<title>A &lt;room&gt;</title>" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_packed_layer_of_unequal_points_is_the_trace(unequal):
    packed = unpack_layer(pack(unequal, "decoder.0"))
    trace = unequal.trace()["decoder.0"]
    assert packed.header["points_per_level"] == [3, 4, 2]
    assert packed.header["proof"]["difference"] == unequal.proofs["decoder.0"].difference
    np.testing.assert_allclose(packed.locations, trace.sampling_locations, atol=1e-3)
    np.testing.assert_allclose(packed.weights, trace.attention_weights, atol=1e-4)


def test_a_page_stays_below_its_size_and_names_what_it_left_out(own):
    whole = to_html(own)
    small = to_html(own, most_bytes=len(whole) - 1000)
    assert len(small) < len(whole)
    assert re.search(r"it holds 1 in \d+ of \d+ queries", facts_of(small)["proofs"]["encoder.0"])
    decoders = to_html(own, layers=[name for name in own if name.startswith("decoder")])
    smaller = facts_of(to_html(own, most_bytes=len(decoders) + 1000))
    assert "longer than" in smaller["left_out"]["encoder.0"]
    with pytest.raises(dv.RecordError, match="No layer fits"):
        to_html(own, most_bytes=50_000)


def of_an_r50(layers, shapes):
    """A recording of 800 x 1066 px with random samples: {name: queries} in the sizes of an R50."""
    generator, recording = torch.Generator().manual_seed(1), Recording(model="R50")
    sizes = torch.tensor([(width, height) for height, width in shapes])
    for name, queries in layers.items():
        references = torch.rand(1, queries, 1, 2, generator=generator).expand(-1, -1, 4, -1)
        offsets = torch.randn(1, queries, 8, 4, 4, 2, generator=generator)
        weights = torch.rand(1, queries, 8, 16, generator=generator).softmax(-1)
        trace = dv.AttentionTrace(
            torch.tensor(shapes),
            offsets,
            references[:, :, None, :, None] + offsets / sizes[:, None],
            weights.unflatten(3, (4, 4)),
            reference_points=references,
        )
        recording.traces[name] = trace
        recording.proofs[name] = Proof(name, "Eq. 3", 1e-7, 1e-5)
    size = 800, 1066
    noise = np.random.default_rng(0).integers(0, 256, (200, 267, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(noise).resize(size[::-1]))
    recording.images = [RecordedImage(ImageFrame(size, size, size), smooth, title="a photograph")]
    return recording


R50 = [(100, 134), (50, 67), (25, 34), (13, 17)]


def test_a_page_of_three_hundred_queries_and_six_layers_fits():
    recording = of_an_r50({f"decoder.{i}": 300 for i in range(6)}, R50)
    page = to_html(recording)
    assert len(page.encode()) <= 3_000_000
    assert len(facts_of(page)["layers"]) == 6 and not facts_of(page)["left_out"]


@pytest.mark.slow
def test_an_encoder_of_thousands_of_queries_is_thinned_and_says_so(tmp_path):
    recording = of_an_r50({"encoder.4": 17821, "encoder.5": 17821}, R50)
    page = to_html(recording)
    facts = facts_of(page)
    assert len(page.encode()) <= 3_000_000
    assert list(facts["layers"]) == ["encoder.4", "encoder.5"]
    every = int(re.search(r"1 in (\d+) of 17821 queries", facts["proofs"]["encoder.5"])[1])
    assert f"query 5 here is number {5 * every}" in facts["proofs"]["encoder.5"]
    packed = unpack_layer(base64.b64decode(facts["layers"]["encoder.5"]))
    assert packed.header["kind"] == "decoder" and packed.header["detections"][0] is None
    np.testing.assert_allclose(
        packed.locations[5].reshape(8, 4, 4, 2),
        recording["encoder.5"].sampling_locations[0, 5 * every],
        atol=1e-3,
    )


def test_a_recording_of_two_kinds_shows_the_last_one(own):
    with pytest.raises(dv.RecordError, match="There is no layer 'encoder.9'"):
        to_html(own, layers=["encoder.9"])


def test_what_has_no_picture_is_said():
    module = LucidrainsAttention(16, 3, heads=4, head_channels=8, offset_kernel=6).eval()
    with torch.no_grad(), dv.record(module) as recording:
        module(torch.rand(1, 16, 8, 8, 12))
    with pytest.raises(dv.RecordError, match="No page draws .*SpaceTrace"):
        recording.to_html()


def test_a_table_has_one_row_per_sample_in_pixels(unequal, tmp_path):
    save_points(unequal, tmp_path / "points.csv", layer="decoder.0", query=3)
    rows = list(csv.DictReader((tmp_path / "points.csv").open()))
    assert len(rows) == 4 * 9
    assert [row["level"] for row in rows[:9]] == list("000111122")
    trace = unequal.trace()["decoder.0"]
    x, y = normalised_to_original(unequal.images[0].frame)(
        trace.sampling_locations[3, 1, 5].double().numpy()
    )
    row = rows[9 + 5]
    assert (row["head"], row["level"], row["point"]) == ("1", "1", "2")
    assert float(row["x_px"]) == pytest.approx(x, abs=1e-3)
    assert float(row["y_px"]) == pytest.approx(y, abs=1e-3)
    assert float(row["weight"]) == pytest.approx(float(trace.attention_weights[3, 1, 5]), rel=1e-5)
    with pytest.raises(dv.RecordError, match="no head 4; there are 4"):
        save_points(unequal, tmp_path / "points.csv", head=4)


def test_arrays_are_named_by_layer_and_field(unequal, tmp_path):
    save_arrays(unequal, tmp_path / "all.npz")
    stored = np.load(tmp_path / "all.npz")
    np.testing.assert_array_equal(
        stored["decoder.1/sampling_locations"], unequal["decoder.1"].sampling_locations
    )


def test_a_widget_tells_the_query_on_show(own):
    pytest.importorskip("anywidget")
    made = showing.widget(own)
    made.view = {"query": 7, "layer": "decoder.2"}
    assert made.query == 7 and made.layer == "decoder.2"
    before = made.data["trace"]
    made.layer = "decoder.0"
    assert (
        made.data["trace"] != before
        and unpack_layer(made.data["trace"]).header["layer"] == "decoder.0"
    )
    with pytest.raises(Exception, match="There is no layer"):
        made.layer = "decoder.7"


def test_outside_a_notebook_a_page_is_opened(own, monkeypatch):
    opened = []
    monkeypatch.setattr(showing.webbrowser, "open", opened.append)
    path = own.show(layers=["decoder.1"])
    assert opened == [path.as_uri()] and list(facts_of(path.read_text())["layers"]) == ["decoder.1"]


@pytest.mark.browser
@pytest.mark.parametrize("name", ["own", "unequal", "grids", "stretched", "masked", "prompted"])
def test_the_page_opens_from_a_file(request, page, tmp_path, name):
    recording = request.getfixturevalue(name)
    recording.to_html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector(".dv-explorer:not([aria-busy])")
    last = list(recording)[-1]
    assert page.locator("#layer").input_value() == last
    assert "of the largest output apart" in page.inner_text("#proof")
    first = page.locator("#layer option").first.get_attribute("value")
    page.select_option("#layer", first)
    page.wait_for_function(
        "name => document.querySelector('.dv-honesty').textContent.includes(name)", arg=first
    )
    assert "not replayed" not in page.inner_text(".dv")
    assert page.console_errors == []
