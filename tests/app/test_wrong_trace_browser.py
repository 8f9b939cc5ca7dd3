"""A trace one per cent away from what the model did: every page that would draw it turns red.

A copy of the project records attention weights times 1.01 and is otherwise right; its stored
layers are proven anew by its own hand, and its server is visited page by page.
"""

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from app.rooms import PAGES
from tests.conftest import ROOT, running_app
from tests.mutants import copy_project

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BAD = ".dv-proof-bad, .wt-wrong"
RED = "rgb(176, 0, 32)"
PATIENCE_MS = 240_000
FAULTS = {
    "deformviz/attention/deformable.py": "            attention_weights=weights,\n",
    "deformviz/attention/dat.py": "            attention_weights=weights,\n",
}
PROVE = """
import gzip
import json
import shutil
from pathlib import Path
import deformviz as dv
from deformviz.analysis.key_sets_store import write_key_sets
from deformviz.lessons import worked
from deformviz.lessons.lesson import lesson
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, SHIPPED_KEYS
from deformviz.tracing.store_proofs import add_proofs

detector, classifier = dv.load("deformable-detr-scenes"), dv.load("dat-scenes")
images = Path("sample_images")
for store, kept in ((SHIPPED, "beach-dusk"), (SHIPPED_GRIDS, "single-cat")):
    for folder in store.iterdir():
        if folder.is_dir() and folder.name != kept:
            shutil.rmtree(folder)
add_proofs(detector, SHIPPED, images)
add_proofs(classifier, SHIPPED_GRIDS, images / "single")
write_key_sets(detector, classifier, [(images / "garden.png", "A garden")], SHIPPED_KEYS)
few = lesson("few-points")
for step in few.steps:
    if step.scene.canvas in worked.EQUATIONS:
        told = json.dumps(worked.work_out(step.scene)).encode()
        worked.path_of(few, step).write_bytes(gzip.compress(told))
"""
# A wrong layer cannot be recorded; one that is changed afterwards is found when it is verified.
RECORD = """
import sys
from dataclasses import replace
from pathlib import Path
import deformviz as dv

recording = dv.look(
    dv.load("deformable-detr-scenes"), Path("sample_images/beach-dusk.png"), keep_values=True
)
layers, trace = recording.passes[-1].traces, recording["decoder.2"]
layers["decoder.2"] = replace(trace, attention_weights=trace.attention_weights * 1.01)
recording.proofs.update({proof.layer: proof for proof in recording.verify()})
recording.save(sys.argv[1])
"""
WORDS = {  # where a recorded layer is drawn -> what its badge says
    "": "does not agree with the model: ",
    "explore": "does not agree with the model: ",
    "dat": "does not agree with the model: ",
    "compare_attention": "does not agree with the model: ",
    "walkthrough": "the picture differs from these lines: ",
    "walkthrough?derivation=dat": "the picture differs from these lines: ",
    "training": "does not agree with the model: ",
    "recordings": "does not agree with the model: ",
    "attribution": "does not agree with the model: ",
    "attribution?kind=classifier": "does not agree with the model: ",
    "learn?lesson=levels": "does not agree with the model: ",
    "learn?lesson=one-grid": "does not agree with the model: ",
    "learn?lesson=few-points&step=by-hand": "the picture differs from these lines: ",
}
NO_LAYER = {"checkpoint", "costs", "myths", "notes", "survey"}  # weights, words, sums, counts


def run(code, folder, environ, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def wrong_server(tmp_path_factory):
    """Address of a server whose layers record other weights than they used."""
    folder = copy_project(tmp_path_factory.mktemp("wrong"))
    for name, right in FAULTS.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(right) == 1
        wrong = right.replace("weights,", "weights * 1.01,")
        (folder / name).write_text(text.replace(right, wrong), encoding="utf-8")
    environ = os.environ | {
        "PYTHONPATH": str(folder),
        "DEFORMVIZ_RECORDINGS": str(folder / "recordings"),
    }
    (folder / "recordings").mkdir()
    run(PROVE, folder, environ)
    run(RECORD, ROOT, os.environ, str(folder / "recordings" / "mine.deformviz"))
    with running_app(folder / "server.log", root=folder, **environ) as (address, _):
        yield address


def test_every_page_is_visited_or_draws_no_layer():
    visited = {address.partition("?")[0] or "start" for address in WORDS}
    assert visited | NO_LAYER == {page.name for page in PAGES}


@pytest.mark.parametrize("address", WORDS)
def test_a_page_says_in_red_that_its_layer_is_wrong(page, wrong_server, address):
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{wrong_server}/{address}")
    badge = page.locator(BAD).first
    expect(badge).to_contain_text(WORDS[address], timeout=PATIENCE_MS)
    assert badge.evaluate("(node) => getComputedStyle(node).backgroundColor") == RED
    assert page.locator(".wt-svg, .js-plotly-plot").count() == 0  # nothing is drawn as truth


def test_beside_a_wrong_picture_no_chart_is_drawn(page, wrong_server):
    page.set_default_timeout(PATIENCE_MS)
    for address in ("explore", "dat"):
        page.goto(f"{wrong_server}/{address}")
        expect(page.locator(".dv-proof-bad")).to_have_count(2, timeout=PATIENCE_MS)
        assert page.locator(".js-plotly-plot").count() == 0


@pytest.mark.parametrize("address", [address for address in WORDS if address != "recordings"])
def test_the_same_page_of_the_project_as_it_is_says_that_all_is_well(page, server, address):
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{server}/{address}")
    badge = page.locator(".dv-proof, .wt-badge").first
    expect(badge).to_contain_text(re.compile("^(replayed: |equals the module: )"))
    assert page.locator(BAD).count() == 0


@pytest.mark.parametrize("name", sorted(NO_LAYER))
def test_a_page_without_recorded_layers_shows_none(page, wrong_server, name):
    page.goto(f"{wrong_server}/{name}")
    expect(page.get_by_role("heading").first).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator(".dv-stage, .wt-svg").count() == 0
