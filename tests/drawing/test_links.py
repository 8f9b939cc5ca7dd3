"""A link says exactly what was chosen, and what it says is what is shown."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.drawing.engine import engine
from tests.drawing.oracle.subject import BOXES, TALL
from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser
USUAL = {
    "query": 0, "pinned": False, "level": 1, "heads": [0, 1, 2], "levels": [0, 1, 2, 3],
    "colour": "head", "top": 0, "mass": False, "dim": 0.35, "padding": False, "lines": True,
    "all": False, "reverse": False, "lookup": None, "zoom": 1, "centre": None,
    "moved": True,
}  # fmt: skip
CHOSEN = {
    "query": (7, "7"), "pinned": (True, "1"), "level": (3, "3"), "heads": ([0, 2], "0,2"),
    "levels": ([1], "1"), "colour": ("weight", "weight"), "top": (5, "5"), "mass": (True, "1"),
    "dim": (0.5, "0.5"), "padding": (True, "1"), "lines": (False, "0"), "all": (True, "1"),
    "reverse": (True, "1"), "lookup": ([0.25, 0.75], "0.2500,0.7500"), "zoom": (4, "4"),
    "centre": ([0.5, 0.125], "0.5000,0.1250"), "moved": (False, "0"),
}  # fmt: skip
SHORT = {
    "query": "q", "pinned": "pin", "level": "grid", "padding": "pad", "lookup": "at",
}  # fmt: skip


def read(subject, raw):
    """The view a link means for a layer, and what is said of what it names in vain."""
    drawing = engine("sampling")
    layer = f"layers[{drawing.decode(subject.packed)}]"
    return drawing.evaluate(f"deformviz.readView({json.dumps(raw)}, {layer})")


def usual(subject):
    return read(subject, {})["view"]


@pytest.mark.parametrize("name", CHOSEN)
def test_each_choice_alone_is_read_from_its_own_word(name):
    value, text = CHOSEN[name]
    found = read(TALL, {SHORT.get(name, name): text})
    assert found["notes"] == []
    assert found["view"] == {**usual(TALL), name: value}


def test_without_a_link_everything_is_as_usual():
    start = usual(TALL)
    assert start == {**USUAL, "query": start["query"]}
    assert 0 <= start["query"] < len(TALL.cells)


@pytest.mark.parametrize(
    ("raw", "name", "last"),
    [({"q": str(len(TALL.cells))}, "q", len(TALL.cells) - 1), ({"heads": "1,3"}, "heads", 2),
     ({"grid": "4"}, "grid", 3), ({"top": "25"}, "top", 24),
     ({"q": "-1"}, "q", len(TALL.cells) - 1)],
)  # fmt: skip
def test_one_too_many_is_ignored_and_said(raw, name, last):
    found = read(TALL, raw)
    assert found["view"] == usual(TALL)
    (note,) = found["notes"]
    assert f'"{name}"' in note and f"0 to {last}" in note


@pytest.mark.parametrize("value", ["0", "false", 0, False])
def test_what_is_switched_off_is_off(value):
    assert read(TALL, {"lines": value})["view"]["lines"] is False


VIEW_OF = """([view, layer, from]) =>
  code.viewAddress(from, { ...code.defaultView(layer), ...view }, layer, code.SAMPLING_VIEW)"""
LAYER = {
    "samplesPerQuery": 24, "levels": [[8, 5], [4, 3], [3, 2], [2, 1]],
    "header": {"heads": 3, "queries": 57, "start_query": 7, "kind": "encoder"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tab(browser):
    with modules(browser, "kit/view", "sampling/view") as page:
        yield page


def parameters(tab, view, start="http://host/explore?picture=boats&dim=90&heads=1"):
    address = tab.evaluate(VIEW_OF, [view, LAYER, start])
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


def test_an_address_names_the_query_and_what_differs_from_usual(tab):
    assert parameters(tab, {}) == {"picture": "boats", "q": "7"}
    wanted = {SHORT.get(name, name): text for name, (_, text) in CHOSEN.items()}
    found = parameters(tab, {name: value for name, (value, _) in CHOSEN.items()})
    assert found == {"picture": "boats", **wanted}


def test_what_an_address_says_is_read_back(tab):
    view = {name: value for name, (value, _) in CHOSEN.items()}
    raw = parameters(tab, view, "http://host/")
    assert read(TALL, raw) == {"view": {**usual(TALL), **view}, "notes": []}


CARRY = "([view, from, to]) => code.carryView(view, from, to)"


def test_another_layer_takes_over_what_it_has_too(tab):
    other = {**LAYER, "header": {**LAYER["header"], "kind": "decoder", "queries": 300,
                                 "start_query": 40}}  # fmt: skip
    few = {**LAYER, "levels": LAYER["levels"][:2], "header": {**LAYER["header"], "heads": 2}}
    view = {**USUAL, "query": 9, "pinned": True, "heads": [1, 2], "levels": [3], "level": 3,
            "colour": "level"}  # fmt: skip
    same = tab.evaluate(CARRY, [view, LAYER, LAYER])
    assert same == view
    carried = tab.evaluate(CARRY, [view, LAYER, other])
    assert carried == {**view, "query": 40, "pinned": False}
    carried = tab.evaluate(CARRY, [view, LAYER, few])
    assert (carried["heads"], carried["levels"]) == ([0, 1], [0, 1])
    assert carried["level"] < 2 and carried["colour"] == "level"


def test_a_decoder_reads_its_own_numbers():
    last = len(BOXES.weights) - 1
    assert read(BOXES, {"q": str(last)})["view"]["query"] == last
    assert read(BOXES, {"q": str(last + 1)})["notes"]
