"""What is remembered of a visitor, and that every page says what a link asked for in vain."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from app import recorded_runs, work
from app.rooms import PAGES, ROOMS
from app.visitor import Here, Visitor
from tests.app.visit import address, choose, here, me, settled, texts, visit


def test_a_record_of_a_visitor_checks_itself():
    with pytest.raises(ValueError, match="room is 'cellar'; rooms: sampling, grid, keys"):
        Visitor(room="cellar")
    with pytest.raises(ValueError, match="picture has 201 characters"):
        Here(picture="x" * 201)
    with pytest.raises(ValueError, match="run has 300 characters"):
        Visitor(run="x" * 300)
    assert Visitor().here == Here() and Visitor().name != Visitor().name


def test_every_room_says_everything_in_words():
    for room in ROOMS.values():
        whats = ["headline", "instruction", "out_of_domain", "model"]
        whats += ["without"] if room.kinds else []
        whats += ["kind", "study"] if room.asked else []
        for what in whats:
            assert room.say(what)
    assert len({page.title for page in PAGES}) == len(PAGES)


def test_pages_of_a_room_share_their_choice_and_rooms_keep_theirs(tiny_server):
    page = settled(visit())
    choose(page, picture="wide")
    page.switch_page("views/dat.py").run()
    other = here(page).picture
    page.switch_page("views/walkthrough.py").run()
    assert here(page).picture == "wide" != other
    page.switch_page("views/dat.py").run()
    assert here(page).picture == other and me(page).room == "grid"


LINKS = {
    "start": {"picture": "nope"},  # of a view: Explore answers
    "explore": {"picture": "nope", "model": "nomodel", "layer": "encoder.99"},
    "learn": {"lesson": "nope"},
    "dat": {"picture": "nope", "model": "nomodel", "layer": "stages.9"},
    "compare_attention": {"picture": "nope", "model": "nomodel"},
    "costs": {"sizes": "nope"},
    "walkthrough": {"derivation": "convolutions", "picture": "nope", "model": "nomodel"},
    "training": {"run": "nobody", "with": "nobody else", "picture": "nope"},
    "checkpoint": {"checkpoint": "nope", "with": "nope too"},
    "attribution": {"picture": "nope", "model": "nomodel", "kind": "oracle"},
    "myths": {"card": "99"},
    "notes": {"note": "nope"},
    "recordings": {"recording": "nope"},
    "survey": {"survey": "nope", "with": "nope too", "group": "class ears"},
}


def test_every_page_is_asked_for_something_in_vain():
    assert set(LINKS) == {page.name for page in PAGES}


@pytest.mark.parametrize("name", LINKS)
def test_a_page_says_what_its_link_named_in_vain(tiny_server, name, monkeypatch):
    monkeypatch.setenv(recorded_runs.FOLLOWED, "")
    page = settled(visit(name, **LINKS[name]))
    assert not page.exception
    said = [note.value for note in page.info]
    assert any(re.match(r"The link", note) for note in said), said
    assert len(said) == len(set(said))


def test_the_note_goes_when_another_picture_is_chosen(tiny_server):
    page = settled(visit("explore", picture="nope"))
    assert "names a picture that is not here" in texts(page)
    page.session_state["gallery"] = {"chosen": "wide"}
    link = me(page)
    page.query_params.clear()
    page.query_params["picture"] = "wide"
    page.run()
    assert "names a picture that is not here" not in texts(page)
    assert here(page).picture == "wide" and link.notes


def test_a_link_that_is_followed_later_is_read_too(tiny_server):
    page = settled(visit("explore", picture="wide"))
    assert here(page).picture == "wide"
    page.query_params["picture"] = "tall"
    page.run()
    assert here(page).picture == "tall"


def test_text_of_a_link_is_shown_letter_for_letter(tiny_server):
    trick = "[click](https://example.org) ![p](https://example.org/p.png)"
    page = settled(visit("attribution", model="tiny.safetensors", detection=trick))
    assert not page.exception
    [note] = [note.value for note in page.info if "detection" in note.value]
    assert "](" not in note and r"example\.org" in note
    page = settled(visit("myths", **{trick: "1"}))
    assert all("](" not in note.value for note in page.info)


def test_the_address_names_what_is_shown_and_nothing_else(tiny_server):
    page = settled(visit("attribution", model="tiny.safetensors", of="colour"))
    assert set(address(page)) == {"picture", "model", "detection"}


def test_nobody_is_asked_for_work_by_opening_the_landing_page(tiny_server):
    page = visit("start").run()
    assert not page.exception
    assert not any(lane.line.keys() for lane in work.LANES.values())


def next_picture():
    from types import SimpleNamespace

    import streamlit as st

    from app import visitor

    state = st.session_state
    state["first"] = visitor.start_view("one picture", "explorer")
    view = {"query": 7, "pinned": True, "lookup": [0.1, 0.2], "heads": [1], "colour": "level"}
    told = {"source": "trace/one", "params": {"q": "7"}, "layer": "decoder.2"}
    state["explorer"] = SimpleNamespace(view=view | told)
    state["same"] = visitor.start_view("one picture", "explorer")
    state["next"] = visitor.start_view("another picture", "explorer")


def test_the_next_picture_keeps_what_is_chosen_but_for_its_query():
    page = AppTest.from_function(next_picture).run()
    assert not page.exception
    assert page.session_state["first"] == page.session_state["same"] == {}
    assert page.session_state["next"] == {"heads": [1], "colour": "level"}
