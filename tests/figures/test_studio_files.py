"""Figures for papers as files: size, fonts, captions, code, and what is refused."""

import ast
import re
import zlib
from dataclasses import replace

import pytest

import deformviz as dv
from deformviz.figures.studio import FIGURES, Choice, FigureError, Paper, make
from deformviz.figures.studio.material import unpack
from deformviz.tracing.packing import pack_layer
from deformviz.words import say, speaking
from tests.app.synthetic_trace import HEADS, POINTS, SHAPES
from tests.figures.printed import PrintedFigure

LEVELS = len(SHAPES)


def test_a_pdf_is_as_wide_as_was_asked_and_carries_its_font(material):
    made = make("points-by-head", material, Choice("decoder.0", 7), Paper(width_mm=120))
    data = made.data("pdf")
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", data)
    assert float(box[1]) == pytest.approx(120 / 25.4 * 72, abs=0.1)
    assert b"/FontFile2" in data and b"DejaVuSans" in data
    assert b"/Type3" not in data
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S)
    assert any(s[:2] == b"x\x9c" and b"Tf" in zlib.decompress(s) for s in streams)  # letters


def test_a_png_has_300_dots_an_inch(material, tmp_path):
    from PIL import Image

    made = make("points-by-head", material, Choice("decoder.0", 7), Paper(width_mm=50.8))
    with Image.open(made.save(tmp_path / "figure.png")) as image:
        assert image.width == 600 and round(image.info["dpi"][0]) == 300
    with pytest.raises(FigureError, match="not as 'gif'"):
        made.save(tmp_path / "figure.gif")


@pytest.mark.slow
def test_dark_paper_is_dark_and_its_letters_light(material):
    light, dark = (
        make("points-by-head", material, Choice("decoder.0", 7), Paper(dark=is_dark, font=font))
        for is_dark, font in ((False, "DejaVu Sans"), (True, "STIXGeneral"))
    )
    light, dark = light.data("svg").decode(), dark.data("svg").decode()
    assert "#12141b" in dark and "#12141b" not in light
    assert "STIXGeneral" in dark and "STIXGeneral" not in light


@pytest.mark.slow
def test_the_same_figure_is_the_same_bytes(material):
    made = [make("offsets", material, Choice("decoder.0", 7), Paper()) for _ in range(2)]
    assert made[0].data("svg") == made[1].data("svg")


@pytest.mark.slow
def test_the_code_draws_the_figure_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"layer": "decoder.2", "query": 3, "heads": [1], "dark": True, "width_mm": 60}
    made = dv.figure("points-by-head", "beach-dusk", **asked)
    exec(compile(made.code, "code", "exec"), {})
    assert (tmp_path / "points-by-head.pdf").read_bytes() == made.data("pdf")


def test_the_code_names_a_picture_whatever_it_is_called(material):
    named = replace(material, said={"picture": 'my "cat\'s" 猫.jpg'})
    code = make("points-by-head", named, Choice("decoder.0", 7), Paper()).code
    call = ast.parse(code).body[1].value.func.value
    assert call.keywords[0].value.value == 'my "cat\'s" 猫.jpg'


@pytest.mark.slow
def test_a_shipped_figure_says_whose_weights_they_are():
    made = dv.figure("points-by-head", "beach-dusk", layer="decoder.2")
    assert "trained on rendered scenes" in made.caption and "deformable-detr-scenes" in made.caption


@pytest.mark.slow
def test_captions_are_said_in_another_language_and_figures_stay_english(material):
    with speaking("zh"):
        made = make("points-by-head", material, Choice("decoder.0", 7), Paper())
    assert "采样点" in made.caption
    assert "reference" in PrintedFigure(made.data("svg")).letters


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"layer": "decoder.9"}, "no layer 'decoder.9'"),
        ({"layer": "decoder.0", "query": 99}, "no query 99; it has 0 to 11"),
        ({"layer": "decoder.0", "heads": (4,)}, "no head 4; it has 0 to 3"),
        ({"layer": "decoder.0", "levels": (3,)}, "no level 3; it has 0 to 2"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(material, asked, said):
    with pytest.raises(FigureError, match=said):
        make("points-by-head", material, Choice(**asked), Paper())


@pytest.mark.parametrize(
    "paper, said",
    [
        ({"width_mm": 5}, "width_mm is 5; it must lie from 20 to 600"),
        ({"height_mm": float("nan")}, "height_mm is nan"),
        ({"font": "No Such Letters"}, "not on this machine; there are .*DejaVu Sans"),
    ],
)
def test_paper_nobody_has_is_refused(paper, said):
    with pytest.raises(FigureError, match=said):
        Paper(**paper)


def test_a_snapshot_nobody_kept_is_refused(training):
    with pytest.raises(FigureError, match="at iteration 5; there are 0, 10, 400"):
        make("points-by-head", training, Choice("decoder.0", 7, iteration=5), Paper())


def test_nothing_is_drawn_of_a_layer_that_does_not_replay(material, traces):
    packed = unpack(pack_layer(traces[0], "decoder.0"))
    header = {**packed.header, "proof": {"difference": "nan", "tolerance": 1e-5}}
    wrong = replace(material, layer=lambda name, iteration: replace(packed, header=header))
    with pytest.raises(FigureError, match="not what its module computed"):
        make("points-by-head", wrong, Choice("decoder.0", 7), Paper())


def test_every_figure_has_a_title_and_a_caption_in_every_language():
    for language in ("en", "zh"):
        with speaking(language):
            assert all(say(f"figure.{name}.title") for name in FIGURES)
    with pytest.raises(FigureError, match="no figure 'figure-7'; there are points-by-head"):
        dv.figure("figure-7")


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_made_of_what_is_shipped(name, tmp_path):
    made = dv.figure(name, width_mm=170)
    data = made.data("pdf")
    assert data.startswith(b"%PDF")
    assert (b"/FontFile2" in data) == (b"/BaseFont" in data)  # what names a font carries it
    assert "{" not in made.caption


@pytest.mark.slow
@pytest.mark.browser
def test_an_svg_opens_in_a_browser(page, material, tmp_path):
    made = make("points-by-head", material, Choice("decoder.0", 7), Paper())
    path = made.save(tmp_path / "figure.svg")
    page.goto(path.as_uri())
    assert page.locator("#samples-0 path, #samples-0 use").count() >= HEADS * LEVELS * POINTS
    box = page.locator("#frame-0").bounding_box()
    assert box["width"] > 100 and page.locator("text", has_text="reference").count() == 1
    assert page.console_errors == []
