"""The Explore page as a person meets it: what it says, and what its widgets change."""

import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import runs, work
from app.line import Progress
from app.rooms import ROOMS
from app.waiting import in_words
from deformviz.figures import theme
from tests.app.visit import choose, here, read, settled, texts, visit

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.fixture
def page(tiny_server):
    return visit()


def charts(page):
    return [e for e in page.get("plotly_chart")]


def png(height=20, width=30, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def upload(page, name, data, kind="image/png"):
    """Upload a picture and see what comes of it."""
    page.file_uploader[0].upload(name, data, kind).run()
    assert not page.exception
    return settled(page)


def test_a_stranger_reads_what_to_do(page):
    page.run()
    assert not page.exception
    assert page.title[0].value == "Where does it look?"
    assert "Move over the picture" in texts(page)
    assert "What am I seeing?" in [e.label for e in page.expander]


def test_the_page_opens_on_a_stored_sample_without_running_a_model(page, monkeypatch):
    monkeypatch.setattr(work, "ask", lambda *a, **o: pytest.fail("a run was asked for"))
    page.run()
    assert here(page).picture == "tall"
    assert here(page).layer == "decoder.1"


def test_the_page_says_how_the_model_was_loaded_once_asked(page, monkeypatch):
    page.run()
    assert not any("keys matched" in text.value for text in page.markdown)
    choose(page, model="tiny.safetensors")
    page.session_state["about_model"] = True
    settled(page)
    assert not page.exception
    said = texts(page)
    assert "deformable-detr" in said and "keys matched" in said
    assert "backbone: `compact` instead of `resnet50`" in said
    assert "never run on a GPU" in said


def test_charts_wait_for_the_canvas(page):
    page.run()
    assert charts(page) == []
    page.session_state["explorer"] = {"view": {"query": 2, "params": {"q": "2"}}}
    page.run()
    assert not page.exception
    assert len(charts(page)) == 4


def test_the_encoder_has_no_boxes_to_chart(page):
    page.run()
    page.session_state["explorer"] = {"view": {"query": 2}}
    page.segmented_control(key="kind").set_value("encoder").run()
    assert not page.exception
    assert here(page).layer == "encoder.1"
    assert len(charts(page)) == 3
    page.segmented_control(key="number").set_value("encoder.0").run()
    assert here(page).layer == "encoder.0"


def test_a_link_restores_picture_model_and_layer(page):
    page.query_params["picture"] = "wide"
    page.query_params["layer"] = "encoder.0"
    page.query_params["heads"] = "0,2"
    page.run()
    assert not page.info
    assert here(page).picture == "wide"
    assert here(page).layer == "encoder.0"
    assert here(page).start_view == {"heads": "0,2"}


@pytest.mark.parametrize(
    "name, value, note",
    [
        ("picture", "no-such-picture", "names a picture that is not here"),
        ("picture", "upload", "cannot carry an uploaded picture"),
        ("model", "../../etc/passwd", "names a model that is not on this server"),
        ("layer", "encoder.99", "names a layer this model does not have"),
    ],
)
def test_a_bad_link_falls_back_with_a_note(page, name, value, note):
    page.query_params[name] = value
    page.run()
    assert not page.exception
    assert any(note in info.value for info in page.info)
    assert here(page).picture == "tall"


def test_an_uploaded_picture_is_run_and_shown(page):
    page.run()
    page.selectbox(key="model_widget").set_value("tiny.safetensors").run()
    upload(page, "mine.png", png(seed=1))
    assert not page.exception and not page.error
    key = here(page).shown.key
    assert runs.find(key).title == "The picture"  # its name is for whoever brought it
    said = next(caption.value for caption in page.caption if "Computed here" in caption.value)
    assert "/" not in said  # no place on the server's disk


@pytest.mark.parametrize(
    "name, data, sentence",
    [
        ("words.png", b"these are words", "not an image this program reads"),
        ("half.png", png(seed=3)[:300], "The picture is truncated or damaged"),
        ("empty.png", b"", "is empty"),
    ],
)
def test_a_bad_upload_gets_one_sentence_and_the_old_picture_stays(page, name, data, sentence):
    page.run()
    page.selectbox(key="model_widget").set_value("tiny.safetensors").run()
    shown = here(settled(page)).shown.key
    upload(page, name, data)
    assert not page.exception
    assert len(page.error) == 1 and sentence in page.error[0].value
    assert "Traceback" not in texts(page)
    assert here(page).shown.key == shown


def test_a_run_shows_its_progress_and_can_be_cancelled(page):
    page.run()
    shown = here(page).shown.key
    work.ask("busy", "tests.app.pieces_of_work:until_stopped", visitor="somebody else")
    try:
        page.file_uploader[0].upload("slow.png", png(seed=8), "image/png").run()
        assert read(page.get("progress")[0].proto.text) == "slow.png: next in line"
        assert here(page).shown.key == shown  # the old picture stays
        [cancel] = [button for button in page.button if button.label == "Cancel"]
        cancel.click().run()
        assert not page.exception and not page.get("progress")
        assert here(page).picture == "tall"
    finally:
        work.leave("busy", "somebody else")


@pytest.mark.parametrize(
    "progress, words",
    [
        (Progress("waiting", place=1), "A cat: next in line"),
        (Progress("waiting", place=3), "A cat: 3rd in line"),
        (Progress("waiting", place=12), "A cat: 12th in line"),
        (Progress("running"), "A cat: starting"),
        (Progress("running", stage="encoder.2", index=3, count=9), "A cat: encoder.2, 4 of 9"),
        (Progress("running", stage="weighing", index=3, count=100), "A cat: weighing, 3 %"),
    ],
)
def test_progress_is_said_in_words(progress, words):
    assert in_words(progress, "A cat") == words


def test_own_pictures_are_out_of_the_scenes_models_domain(page, monkeypatch):
    choice, name = runs.list_models()["tiny.safetensors"], ROOMS["sampling"].shipped
    shipped = runs.ModelChoice(name, "shipped", choice.path, choice.stamp)
    monkeypatch.setattr(runs, "list_models", lambda *room: {name: shipped})
    page.run()
    assert "has seen rendered scenes only" not in texts(page)
    upload(page, "photo.png", png(seed=4))
    assert "has seen rendered scenes only" in texts(page)


def test_without_traces_the_page_says_how_to_make_them(tiny_server, tmp_path, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_TRACES", str(tmp_path))
    page = visit().run()
    assert not page.exception


def test_the_landing_page_loads_no_model_library_and_draws_no_chart(tiny_server):
    """Streamlit itself imports Plotly where it is installed; ours are not made yet."""
    code = (
        "import sys\n"
        "import app.main\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app/pages.py', default_timeout=60).run()\n"
        "assert not page.exception and page.title\n"
        "heavy = {'torch', 'skimage', 'cv2', 'deformviz.figures.sampling'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_page_has_the_colours_of_the_figures():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for name, colours in (("light", theme.LIGHT), ("dark", theme.DARK)):
        assert config[name]["primaryColor"] == colours["accent"]
        assert config[name]["backgroundColor"] == colours["paper"]
        assert config[name]["textColor"] == colours["ink"]
        assert config[name]["secondaryBackgroundColor"] == colours["panel"]


def test_the_explanation_names_every_mark(page):
    page.run()
    words = texts(page)
    for mark in ("colour", "shape", "area", "cross"):
        assert re.search(rf"\b{mark}\b", words)
