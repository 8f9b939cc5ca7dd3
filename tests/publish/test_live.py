"""Models in a browser, as far as Python makes them: what runs them, the parts of scenes, words."""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deformviz.publish import live as live_module
from deformviz.publish import npm, sprites
from deformviz.publish.folder import PublishError
from deformviz.training.backdrops import DAY, LIGHTS
from deformviz.training.scenes import CLASSES, DRAW
from deformviz.words import catalogue
from tests.app.canvas.canvas_page import SCRIPTS

ROOT = Path(__file__).parents[2]
SAID_BY_PYTHON = ("live.backdrop.", "live.thing.")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A made-up package of npm in a folder: {file name: bytes}."""
    files = {name: name.encode() for name in npm.HASHES}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(npm, "HASHES", hashes)
    (tmp_path / "dist").mkdir()
    (tmp_path / "package.json").write_text(json.dumps({"version": npm.VERSION}))
    for name, data in files.items():
        (tmp_path / "dist" / name).write_bytes(data)
    return tmp_path, files


def test_the_run_time_is_taken_from_where_npm_has_put_it(package):
    folder, files = package
    assert npm.runtime_files(folder, npm.RUNTIMES) == files
    few = npm.runtime_files(folder)
    assert set(few) == {npm.WASM.script, npm.WASM.wasm}
    assert [way["name"] for way in npm.addresses("data/x", few)] == ["wasm"]
    assert [way["name"] for way in npm.addresses("data/x", files)] == ["webgpu", "wasm"]


def test_a_file_that_was_not_tested_is_not_published(package):
    folder, files = package
    (folder / "dist" / npm.WASM.script).write_bytes(b"something else")
    with pytest.raises(PublishError, match="is not the file this release was tested with"):
        npm.runtime_files(folder)


def test_without_npm_and_without_the_package_the_cure_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    with pytest.raises(PublishError, match="Install Node.js, or publish without --live"):
        npm.runtime_files(tmp_path)


def test_what_npm_says_when_it_has_no_network_is_handed_on(tmp_path, monkeypatch):
    said = "import sys; print('npm error code ENOTCACHED', file=sys.stderr); sys.exit(1)"
    npm_of_ours = tmp_path / "npm"
    npm_of_ours.write_text(f'#!/bin/sh\nexec python3 -c "{said}"\n')
    npm_of_ours.chmod(0o755)
    monkeypatch.setattr(npm.shutil, "which", lambda name: str(npm_of_ours))
    with pytest.raises(PublishError, match="could not fetch .*ENOTCACHED"):
        npm.runtime_files(tmp_path / "nowhere")


def test_scripts_are_tested_with_the_version_that_is_published():
    told = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert told[npm.PACKAGE] == npm.VERSION
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert locked[f"node_modules/{npm.PACKAGE}"]["version"] == npm.VERSION
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in npm.HASHES.values())


def test_a_thing_cut_out_and_laid_on_a_tone_is_the_thing_painted_there():
    placed = DRAW["cat"](np.random.default_rng(3)).place()
    cut = sprites.cut_out(placed, 90).astype(np.float64)
    tone = 120
    share = cut[..., 3:] / 255
    laid = cut[..., :3] * share + tone * (1 - share)
    height, width = cut.shape[:2]
    scale = 90 / max(placed.size_xy)
    canvas = np.full((height * 2, width * 2, 3), tone, np.uint8)
    placed.paint(canvas, None, 0, (2, 2), scale, LIGHTS[DAY])
    painted = canvas.reshape(height, 2, width, 2, 3).mean((1, 3))
    assert np.abs(laid - painted).max() < 4 and np.abs(laid - painted).mean() < 0.5
    assert 0.2 < (cut[..., 3] > 250).mean() < 0.9


def test_every_class_has_its_things_and_every_place_its_name():
    words = catalogue()
    assert {key.rpartition(".")[2] for key in words if key.startswith("live.thing.")} == {*CLASSES}
    places = {f"live.backdrop.{place}-{time}" for place, time in sprites.BACKDROPS}
    assert places == {key for key in words if key.startswith("live.backdrop.")}
    thing = Image.open(io.BytesIO(sprites.sprite("boat", 1)))
    assert (
        thing.mode == "RGBA"
        and abs(max(thing.size) - sprites.SPRITE_PX - 2 * sprites.MARGIN_PX) < 2
    )


def test_the_first_scene_is_made_of_what_is_there():
    backdrop, *things = live_module.START.split("~")
    assert backdrop in {f"{place}-{time}" for place, time in sprites.BACKDROPS}
    names = {f"{name}-{variant + 1}" for name in CLASSES for variant in range(sprites.VARIANTS)}
    assert {thing.split(",")[0] for thing in things} <= names
    assert all(len(thing.split(",")) == 6 for thing in things)


def test_every_sentence_of_the_scripts_is_in_the_catalogue_and_said():
    scripts = "\n".join(path.read_text("utf-8") for path in (SCRIPTS / "live").glob("*.js"))
    named = set(re.findall(r'"(live(?:\.\w+)+)"', scripts))
    named |= {f"live.scene.{key}" for key in re.findall(r'does\("(\w+)"', scripts)}
    named |= {f"live.scene.{key}" for key in re.findall(r"^  (\w+): { min:", scripts, re.MULTILINE)}
    named |= {f"live.what_if.{kind}{end}" for kind in ("heads", "levels") for end in ("", ".drop")}
    named |= {"live.mode.scene", "live.mode.own"} | {f"live.by.{way.name}" for way in npm.RUNTIMES}
    known = {key for key in catalogue() if key.startswith("live.")}
    assert named <= known
    assert {key for key in known - named if not key.startswith(SAID_BY_PYTHON)} == set()
