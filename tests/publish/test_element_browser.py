"""<deform-viz> on a bare page: a recording of an RT-DETR, from a server and from a disk."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

import deformviz as dv
from deformviz import bundles
from deformviz.figures.recordings import pack
from deformviz.publish.site import publish
from deformviz.tracing.packing import decompress, read_header
from tests.publish.walking import served
from tests.tracing import looked_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BARE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>A blog</title>
<link rel="icon" href="data:,"><script src="deform-viz.js"></script></head>
<body><main><h1>My paper</h1>{element}</main></body></html>"""
DRAWN = """() => {
  const canvases = [...document.querySelector("deform-viz").shadowRoot.querySelectorAll("canvas")];
  return canvases.some(node => {
    if (!node.width || !node.height) return false;
    const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
    return new Set(new Uint32Array(data.buffer)).size > 8;
  });
}"""
PACKED = """([layer, image]) => {
  const bytes = new Uint8Array(document.querySelector("deform-viz").recording.pack(layer, image));
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """(folder of a blog, the recording as it was read back)."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("blog")
    recording = looked_at.looked_at("rt_detr", title="A <room>")
    recording.save(folder / "mine.deformviz")
    (folder / "deform-viz.js").write_text(bundles.read("deform-viz.js"), encoding="utf-8")
    return folder, dv.open(folder / "mine.deformviz")


@pytest.fixture
def blog(page, recorded):
    """Opens a bare page with an element, by default from a server."""
    folder, _ = recorded
    with served(folder, cut="half.deformviz") as address:

        def open_page(attributes='src="mine.deformviz"', language="en", from_disk=False):
            element = f"<deform-viz {attributes}></deform-viz>"
            text = BARE.format(language=language, element=element)
            (folder / "index.html").write_text(text, encoding="utf-8")
            page.goto((folder / "index.html").as_uri() if from_disk else f"{address}/index.html")
            return page

        yield open_page
        page.goto("about:blank")


def test_it_draws_a_recording_on_a_bare_page(blog, page):
    blog()
    page.wait_for_function(DRAWN)
    assert page.locator("deform-viz select").first.input_value() == "decoder.1"
    page.locator("deform-viz .dv-stage").hover()
    assert "query" in page.locator("deform-viz .dv-status").inner_text()
    assert page.console_errors == []


def test_its_layers_are_those_that_python_packs(blog, page, recorded):
    """Number for number: what is drawn from the file is what was recorded."""
    _, recording = recorded
    blog()
    page.wait_for_function(DRAWN)
    for layer in recording:
        ours = base64.b64decode(page.evaluate(PACKED, [layer, 0]))
        theirs = decompress(pack(recording, layer))
        (our_header, our_start), (their_header, their_start) = map(read_header, (ours, theirs))
        assert ours[our_start:] == theirs[their_start:]
        assert close(our_header, json.loads(json.dumps(their_header))), layer


def close(ours, theirs):
    """Equal, numbers to the last few bits."""
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(close(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(close, ours, theirs))
    if isinstance(theirs, float):
        return bool(np.isclose(ours, theirs, rtol=1e-12, atol=0))
    return ours == theirs


def test_attributes_choose_layer_height_theme_and_language(blog, page):
    blog('src="mine.deformviz" layer="decoder.0" height="333" theme="dark" lang="zh"')
    page.wait_for_function(DRAWN)
    element = page.locator("deform-viz")
    assert element.bounding_box()["height"] == 333
    assert element.locator("select").first.input_value() == "decoder.0"
    assert "层" in element.locator(".de-bar").inner_text()
    paper = element.evaluate("node => getComputedStyle(node).backgroundColor")
    assert paper == "rgb(18, 20, 27)"
    element.evaluate("node => node.setAttribute('layer', 'decoder.1')")
    page.wait_for_function(
        "document.querySelector('deform-viz').shadowRoot.querySelector('.dv-honesty')"
        ".textContent.includes('decoder.1')"
    )


def test_from_a_disk_it_draws_what_the_page_carries_and_lets_one_choose_what_it_may_not_fetch(
    blog, page, recorded
):
    folder, _ = recorded
    carried = base64.b64encode((folder / "mine.deformviz").read_bytes()).decode()
    blog(f'src="data:application/octet-stream;base64,{carried}"', from_disk=True)
    page.wait_for_function(DRAWN)
    blog(from_disk=True)
    said = page.locator("deform-viz .de-said")
    said.get_by_text("a page opened from a disk may fetch nothing").wait_for()
    said.locator("input[type=file]").set_input_files(folder / "mine.deformviz")
    page.wait_for_function(DRAWN)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no safetensors at all", "This file is no recording of deformviz."),
        (b"\xff" * 4000, "This file is no recording of deformviz."),
        (None, "the server answered 404"),
        ("cut", "This recording is damaged or was altered; record it again."),
        ("misfit", "This recording is damaged or was altered; record it again."),
    ],
)
def test_what_cannot_be_read_ends_in_a_sentence_and_the_next_file_is_drawn(
    blog, page, recorded, content, sentence
):
    folder, _ = recorded
    other, mine = folder / "other.deformviz", folder / "mine.deformviz"
    other.unlink(missing_ok=True)
    if content == "cut":
        content = mine.read_bytes()[:-5000]
    elif content == "misfit":
        content = altered(
            mine, r'("layer/decoder\.1/spatial_shapes":{[^}]*"data_offsets":\[)[^\]]*', "0,4"
        )
    if content is not None:
        other.write_bytes(content)
    blog('src="other.deformviz"')
    said = page.locator("deform-viz .de-said")
    said.get_by_text(sentence).wait_for()
    said.locator("input[type=file]").set_input_files(mine)
    page.wait_for_function(DRAWN)


def altered(path, pattern, other):
    """The bytes of a recording whose header says something else in one place."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header, count = re.subn(pattern, rf"\g<1>{other}", data[8:start].decode(), count=1)
    assert count == 1
    return len(header.encode()).to_bytes(8, "little") + header.encode() + data[start:]


def test_an_interrupted_download_ends_in_a_sentence(blog, page, recorded):
    folder, _ = recorded
    (folder / "half.deformviz").write_bytes((folder / "mine.deformviz").read_bytes())
    blog('src="half.deformviz"')
    said = page.locator("deform-viz .de-said")
    said.get_by_text("did not arrive whole").wait_for()
    said.locator("input[type=file]").set_input_files(folder / "mine.deformviz")
    page.wait_for_function(DRAWN)


def test_a_picture_of_forty_megapixels_is_drawn_and_a_broken_one_named(blog, page, recorded):
    folder, _ = recorded
    huge = io.BytesIO()
    Image.new("L", (8000, 5001), 128).save(huge, "JPEG", quality=20)
    with_picture(folder, huge.getvalue())
    blog('src="other.deformviz"')
    page.wait_for_function(DRAWN)
    with_picture(folder, b"no picture at all")
    blog('src="other.deformviz"')
    notice = page.locator("deform-viz .dv-notice")
    notice.get_by_text("The picture could not be loaded.").wait_for()


def with_picture(folder, jpeg):
    """Write other.deformviz: the recording with another picture."""
    with safe_open(folder / "mine.deformviz", "numpy") as file:
        arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
    arrays["image/0/picture"] = np.frombuffer(jpeg, np.uint8)
    save_file(arrays, folder / "other.deformviz", metadata)


def test_axe_finds_nothing_on_a_page_with_the_element(blog, page, axe):
    blog()
    page.wait_for_function(DRAWN)
    assert [(one["id"], one["nodes"][0]["html"]) for one in axe(page)] == []


def test_a_folder_of_recordings_gets_a_page_of_its_own(page, recorded, tmp_path):
    blog_folder, recording = recorded
    mine = tmp_path / "mine"  # the blog's folder may hold a damaged one
    mine.mkdir()
    shutil.copy(blog_folder / "mine.deformviz", mine)
    site = publish(tmp_path / "site", own_recordings=mine, equations=False, training=False)
    with served(site) as address:
        page.goto(f"{address}/recordings.html?layer=decoder.0")
        page.wait_for_selector(".dv-explorer:not([aria-busy]) .dv-stage canvas")
        assert page.locator(".ds-bar option").all_inner_texts() == list(recording)
        said = page.inner_text(".dv-honesty")
        assert "RTDetrForObjectDetection · decoder.0" in said and "Replayed:" in said
        assert page.get_by_role("link", name="Recordings").is_visible()
        page.goto("about:blank")
    assert page.console_errors == []
