"""What the scripts say: every key they name is in the catalogue, and every sentence is said."""

import re

import pytest

from app.canvas.kinds import CANVASES
from deformviz import bundles, words
from tests.app.canvas.canvas_page import SCRIPTS

WHOLE = re.compile(r'"(canvas\.[\w.]+)"')
BEGUN = re.compile(r"`(canvas\.[\w.]+)\$\{")  # goes on with what is only known when it is said
NAMES = [kind.name for kind in CANVASES if kind.name != "lesson"]  # that one hands its own on
KINDS = {name: bundles.rooms_of_words(name) for name in NAMES}


def named(folder):
    """Keys that a folder of scripts names whole, and the beginnings of others."""
    text = "\n".join(path.read_text("utf-8") for path in sorted((SCRIPTS / folder).glob("*.js")))
    text = re.sub(r"signOf\(\"(canvas[\w.]+)\"\)", r'"\1" "\1.means"', text)
    text = re.sub(r"toggleOf\(\w+, \"(canvas[\w.]+)\"", r'"\1" "\1.title"', text)
    return set(WHOLE.findall(text)), set(BEGUN.findall(text))


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_is_handed_every_sentence_it_says(kind):
    given = bundles.words(kind)
    folders = {room.removeprefix("canvas.") for room in KINDS[kind]} | {kind}
    for folder in folders:
        whole, begun = named(folder)
        assert whole - given.keys() == set()
        for start in begun:
            assert any(key.startswith(start) for key in given), start


def test_every_sentence_of_a_canvas_is_said():
    whole, begun = set(), set()
    for folder in ("kit", *KINDS):
        for found, more in zip((whole, begun), named(folder), strict=True):
            found |= more
    kept = {key for key in words.catalogue() if key.startswith("canvas.")}
    said_by_python = {key for key in kept if key.startswith("canvas.equations.legend.")}
    unsaid = {
        key
        for key in kept - whole - said_by_python
        if not any(key.startswith(start) for start in begun)
    }
    assert unsaid == set()


def test_scripts_fill_places_as_python_does():
    script = (SCRIPTS / "kit" / "words.js").read_text("utf-8")
    assert words.PLACE.pattern in script
