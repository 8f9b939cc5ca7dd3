"""The explorer without a browser: its script, its routes, its offline page."""

import asyncio
import base64
import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from app.explorer import bundle, component
from app.explorer.offline import offline_page
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from tests.app.synthetic_trace import picture_jpeg, synthetic_trace

MODULES = sorted((bundle.FOLDER / "canvas").glob("*.js"))


def serve(name):
    from starlette.requests import Request

    (route,) = component.explorer_routes()
    scope = {"type": "http", "path_params": {"version": "x", "name": name}}
    return asyncio.run(route.endpoint(Request(scope)))


def test_the_script_holds_every_module_once():
    for module in MODULES:
        assert bundle.script().count(f"// -- {module.name}\n") == 1, f"{module.name} is not used"


def test_the_script_is_one_module_with_one_export():
    assert not re.search(r"^import ", bundle.script(), re.MULTILINE)
    assert re.findall(r"^export .*", bundle.script(), re.MULTILINE) == [
        "export default function mount(component) {"
    ]


def test_top_level_names_differ_since_modules_share_one_scope():
    declared = r"^(?:export default )?(?:async )?(?:function\*?|class|const|let) (\w+)"
    names = re.findall(declared, bundle.script(), re.MULTILINE)
    assert len(names) > 80
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_never_parse_text_as_html(module):
    source = module.read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in source


@pytest.mark.parametrize(
    ("name", "kind"),
    [("canvas.js", "text/javascript"), ("style.css", "text/css"), ("offline.html", "text/plain")],
)
def test_files_are_served_for_ever(name, kind):
    response = serve(name)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert "immutable" in response.headers["cache-control"]


def test_other_files_are_not_served():
    assert serve("component.py").status_code == 404


def test_addresses_change_with_the_files():
    addresses = component.source_addresses()
    assert addresses["script"] == f"/explorer/{bundle.version()}/canvas.js"


def mount_two_pictures():
    import streamlit as st

    from app.explorer.component import explorer

    name = st.selectbox("picture", ["one", "two"])
    explorer(
        trace_url=f"/trace/{name}/encoder.0.bin",
        picture_url=f"/picture/{name}.jpg",
        title=name,
        key="explorer",
        levels=3,
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
    assert len(data["palette"]["levels"]) == 3
    assert len(sent) < 4000


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
