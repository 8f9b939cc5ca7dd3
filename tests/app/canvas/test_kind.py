"""The canvases without a browser: their files, their routes, what is handed to them."""

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import get_origin, get_type_hints

import pytest
from starlette.requests import Request
from streamlit.testing.v1 import AppTest

from app.canvas import header_types
from app.canvas.kind import LOADER, CanvasKind
from app.canvas.kinds import CANVASES, EQUATIONS, SAMPLING
from deformviz import bundles
from deformviz.figures.page import offline_page
from deformviz.tracing import headers
from deformviz.tracing.packing import compress, pack_layer, read_header, unpack_layer
from tests.app.canvas.canvas_page import SCRIPTS
from tests.app.synthetic_trace import picture_jpeg, synthetic_trace

IMPORT = re.compile(r'(?:import|export)\b[^;]*?\bfrom "(\.{1,2}/[\w./]+)"')
EACH = pytest.mark.parametrize("kind", CANVASES, ids=lambda kind: kind.name)


def serve(kind, name):
    (route,) = kind.routes()
    scope = {"type": "http", "path_params": {"version": "x", "name": name}}
    return asyncio.run(route.endpoint(Request(scope)))


def reached(entry):
    """Every module that a module needs, and itself."""
    found, waiting = set(), [entry.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [(path.parent / each).resolve() for each in IMPORT.findall(path.read_text())]
    return found


def test_no_script_lies_about_unused():
    names = ("main.js", "marks_main.js", "part_*.js", "one_file.js")
    doors = [path for name in names for path in SCRIPTS.glob(f"*/{name}")]
    used = set.union(*map(reached, doors))
    types_only = {"headers.js", "canvas.js", "gallery.js"}  # canvas.js: of the kit
    unused = {path for path in SCRIPTS.glob("*/*.js") if path.resolve() not in used}
    assert {path.name for path in unused} <= types_only


def test_the_kit_knows_no_picture_and_pictures_stand_beside_each_other():
    may_use = {
        "kit": set(),
        "sampling": {"kit"},
        "grid": {"kit"},
        "keys": {"kit"},
        "dense": {"kit"},
        "heads": {"kit", "sampling", "dense"},
        "equations": {"kit"},
        "replay": {"kit", "sampling", "grid"},
        "site": {"kit"},
        "element": {"kit", "sampling"},
    }
    for folder, others in may_use.items():
        for path in (SCRIPTS / folder).glob("*.js"):
            rooms = {
                name.split("/")[1] for name in IMPORT.findall(path.read_text()) if "../" in name
            }
            assert rooms <= others, path


def test_what_draws_without_a_browser_names_nothing_of_one():
    for name in ("sampling", "grid", "keys", "dense"):
        for path in reached(SCRIPTS / name / "canvas.js"):
            source = re.sub(r"//.*|/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
            if path.name in ("packed.js",):  # fetches too, when it is asked to
                continue
            assert not re.search(r"\b(document|window|Image|fetch)\b\s*[.(]", source), path


@EACH
def test_the_built_module_is_a_widget_and_has_a_door_for_streamlit(kind):
    script = bundles.read(f"{kind.name}.js")
    assert not re.search(r"^import\b", script, re.MULTILINE)
    exported = re.findall(r"\bas (\w+)", script[script.rindex("export{") :])
    assert set(exported) == {"default", "streamlit"}
    assert "streamlit" in LOADER


@EACH
def test_files_are_served_for_ever(kind):
    types = {".js": "text/javascript", ".css": "text/css", ".html": "text/plain"}
    for name in (*bundles.files(kind.name), bundles.TEMPLATE):
        response = serve(kind, name)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(types[Path(name).suffix])
        assert "immutable" in response.headers["cache-control"]
    assert serve(kind, "kind.py").status_code == 404


def test_only_the_equations_have_a_math_font():
    assert serve(EQUATIONS, "math.ttf").status_code == 200
    assert serve(SAMPLING, "math.ttf").status_code == 404


def test_addresses_change_with_the_files():
    assert len({kind.version for kind in CANVASES}) == len(CANVASES)
    for kind in CANVASES:
        assert kind.source()["script"] == f"canvas/{kind.name}/{kind.version}/{kind.name}.js"


def test_a_canvas_is_not_asked_what_it_never_tells():
    with pytest.raises(TypeError, match="sampling never tells moved"):
        SAMPLING.mount({}, key="x", moved=lambda: None)


def test_a_missing_file_says_what_there_is():
    with pytest.raises(FileNotFoundError, match="no built file 'nebula.js'.*sampling.js"):
        _ = CanvasKind("nebula").version


def mount_two_pictures():
    import streamlit as st

    from app.canvas.kinds import SAMPLING, mount_picture

    name = st.selectbox("picture", ["one", "two"])
    mount_picture(
        SAMPLING,
        trace_url=f"/trace/{name}/encoder.0.bin",
        picture_url=f"/picture/{name}.jpg",
        title=name,
        key="explorer",
        view={"q": "12"},
        view_id=name,
    )


def test_a_page_mounts_it_and_sends_addresses_only():
    page = AppTest.from_function(mount_two_pictures, default_timeout=60).run()
    assert not page.exception
    sent = page.main[1].proto.json
    data = json.loads(sent)
    assert data["trace_url"] == "/trace/one/encoder.0.bin"
    assert data["view"] == {"q": "12"}
    assert data["source"] == SAMPLING.source()
    assert data["words"] == bundles.words("sampling")
    assert len(sent) - len(json.dumps(data["words"])) < 4000


# -- headers of packed traces ----------------------------------------------------------------------


def test_types_of_the_scripts_are_those_of_the_records():
    written = header_types.TARGET.read_text(encoding="utf-8")
    assert written == header_types.script(), "run `python -m app.canvas.header_types`"


@pytest.mark.parametrize("layer", ["encoder.0", "decoder.1"])
def test_a_packed_layer_says_what_its_record_promises(layer):
    header, _ = read_header(pack_layer(synthetic_trace(), layer))
    known = get_type_hints(headers.LayerHeader, include_extras=True)
    optional = {name for name, kind in known.items() if get_origin(kind) is headers.NotRequired}
    assert set(header) <= set(known)
    assert set(known) - optional <= set(header)


# -- the offline page ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed():
    return pack_layer(synthetic_trace(), "decoder.1")


def embedded(page, name):
    return re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', page, re.DOTALL)[1]


@pytest.mark.parametrize("prepare", [bytes, compress], ids=["plain", "gzip"])
def test_an_offline_page_holds_the_exact_layer_and_picture(packed, prepare):
    page = offline_page(prepare(packed), picture_jpeg(), title="Boxes")
    assert unpack_layer(base64.b64decode(embedded(page, "dv-trace"))).header["layer"] == "decoder.1"
    data = json.loads(embedded(page, "dv-data"))
    assert base64.b64decode(data["picture_url"].partition(",")[2]) == picture_jpeg()


def test_an_offline_page_asks_the_network_for_nothing(packed):
    page = offline_page(packed, picture_jpeg())
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "@import" not in page and "url(" not in page


def test_a_hostile_title_stays_text(packed):
    hostile = '</title></script><script>alert("x")</script>'
    page = offline_page(packed, picture_jpeg(), title=hostile, note=hostile)
    assert hostile not in page and "<script>alert" not in page
    assert json.loads(embedded(page, "dv-data"))["title"] == hostile
