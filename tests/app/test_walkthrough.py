"""The pages of equations and of myths: links, notes, and what the numbers of the page are."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import work
from app.rooms import ROOMS
from app.sources import list_sources
from deformviz.walkthrough.change import Change
from deformviz.walkthrough.costs import CostSizes
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.myths import CARDS
from deformviz.walkthrough.prose import read_prose
from tests.app.visit import choose, here, read

ROOT = Path(__file__).parents[2]
VIEWS = ROOT / "app" / "views"
SECONDS = 180
LINKS = sorted(
    {(card.view.page, tuple(sorted(card.view.params.items()))) for card in CARDS if card.view}
)


def visit(view, **params):
    page = AppTest.from_file(str(ROOT / "app" / "pages.py"), default_timeout=SECONDS)
    page.switch_page(str(VIEWS / f"{view}.py"))
    for name, value in params.items():
        page.query_params[name] = value
    return page.run()


@pytest.mark.parametrize(("view", "params"), LINKS, ids=lambda part: str(part)[:60])
def test_every_link_of_a_card_opens_what_it_names(view, params):
    params = dict(params)
    page = visit(view, **params)
    assert not page.exception and not page.error
    assert not page.info, [note.value for note in page.info]
    if view != "walkthrough":
        return
    shown = page.session_state["walk"]
    for name in ("derivation", "example", "mistake"):
        assert getattr(shown, name) == params.get(name, "")
    if "layer" in params:
        assert shown.layer == params["layer"]
    assert page.session_state["walk_step"] == params["step"]


def test_a_link_names_a_model_of_ones_own(tmp_path, monkeypatch):
    shutil.copy(
        ROOT / "deformviz" / "assets" / "deformable-detr-scenes.safetensors",
        tmp_path / "mine.safetensors",
    )
    monkeypatch.setenv("DEFORMVIZ_CHECKPOINTS", str(tmp_path))
    page = visit("walkthrough", model="mine.safetensors")
    assert not page.exception and not page.info
    assert page.query_params["model"] == "mine.safetensors"
    assert "model" not in visit("walkthrough").query_params


@pytest.mark.parametrize("derivation", DERIVATIONS)
def test_every_derivation_opens_and_stays_in_the_address(derivation):
    page = visit("walkthrough", derivation=derivation)
    assert not page.exception and not page.error
    assert derivation in page.query_params["derivation"]
    assert page.selectbox(key="walk_derivation").value == derivation


def test_nonsense_in_a_link_falls_back_with_a_note():
    page = visit("walkthrough", derivation="typo", query="many", head="99", mistake="none")
    assert not page.exception
    notes = " ".join(note.value for note in page.info)
    assert "derivation" in notes and "query is not a number" in notes and "mistake" in notes
    assert page.session_state["walk"].derivation == "multi_scale"
    assert page.session_state["walk"].head == 7  # the last there is


def test_another_layer_begins_with_its_own_query_and_nothing_changed():
    page = visit("walkthrough", derivation="multi_scale", query="3")
    page.selectbox(key="walk_layer").set_value("encoder.1").run()
    assert not page.exception
    shown = page.session_state["walk"]
    assert shown.layer == "encoder.1" and shown.query > 30  # a token, near the best detection
    assert shown.change == Change()


def test_breaking_it_says_why():
    page = visit("walkthrough", derivation="multi_scale")
    page.selectbox(key="walk_mistake").set_value("swap_xy").run()
    assert not page.exception
    assert read_prose("mistakes").sections["swap_xy"] in [text.value for text in page.markdown]


def test_a_mistake_is_ignored_where_none_can_be_chosen():
    for derivation in ("dat", "complexity", "convolutions"):
        page = visit("walkthrough", derivation=derivation, mistake="align_corners")
        assert not page.exception and not page.error
        assert read_prose("mistakes").sections["align_corners"] not in [
            text.value for text in page.markdown
        ]
        assert "mistake" not in page.query_params
        page.selectbox(key="walk_derivation").set_value("multi_scale").run()
        assert page.selectbox(key="walk_mistake").value == "align_corners"  # as before


def test_a_subject_nobody_can_follow_leaves_the_choices_and_a_way_back(monkeypatch):
    page = visit("walkthrough", derivation="multi_scale", query="13")
    ask = work.ask

    def ask_for_a_sheep(key, name, arguments, **options):
        return ask(key, "tests.app.pieces_of_work:refuse", ("It is a sheep.",), **options)

    with monkeypatch.context() as broken:
        broken.setattr(work, "ask", ask_for_a_sheep)
        page.selectbox(key="walk_mistake").set_value("swap_xy").run()
        assert not page.exception
        assert read(page.error[0].value) == "It is a sheep."
        assert page.selectbox(key="walk_mistake").value == "swap_xy"
    next(button for button in page.button if button.label == "Start over").click().run()
    assert not page.exception and not page.error
    assert page.session_state["walk"].mistake == ""


def test_what_if_is_drawn_beside_the_layer_as_it_was():
    page = visit("walkthrough", derivation="multi_scale", layer="decoder.1")
    change = Change(sharpness=0.0)
    page.session_state["walk"] = replace(page.session_state["walk"], change=change)
    page.run()
    assert not page.exception and not page.error
    assert page.session_state["walk"].change == change


def test_one_level_alone_cannot_be_edited_and_ignores_what_was():
    change = Change(dropped_levels=(3,))
    page = visit("walkthrough", derivation="multi_scale")
    page.session_state["walk"] = replace(
        page.session_state["walk"], change=change, derivation="single_scale"
    )
    page.run()
    assert not page.exception
    assert page.session_state["walk"].change == change  # for when one goes back


def test_the_query_of_explore_is_followed_and_explore_begins_with_that_of_the_equations():
    page = visit("walkthrough", layer="decoder.1", query="4")
    assert here(page).start_view == {"query": 4, "pinned": True}
    choose(page, view_params={"q": "11", "pin": "1"})  # as Explore's canvas told
    page.run()
    assert page.session_state["walk"].query == 11
    assert here(page).start_view["query"] == 11
    page.run()  # and it is told only once
    page.number_input(key="walk_number").set_value(7).run()
    assert page.session_state["walk"].query == here(page).start_view["query"] == 7
    stored = list_sources(ROOMS["sampling"].stored())[here(page).picture].stored
    assert here(page).start_view_of == stored.key


def test_another_picture_is_asked_about_its_own_best_detection():
    page = visit("walkthrough", layer="decoder.1", query="299")
    asked = page.session_state["walk"].query
    names = list(list_sources(ROOMS["sampling"].stored()))
    choose(page, picture=names[1])
    page.run()
    assert not page.exception
    seen = page.session_state["walk"].query
    assert seen is not None and seen != asked


def test_the_pixel_of_a_deformed_grid_is_not_taken_for_a_query_of_the_decoder():
    page = visit("walkthrough", layer="decoder.1", query="5")
    page.selectbox(key="walk_derivation").set_value("dat").run()
    page.number_input(key="walk_number").set_value(30).run()
    page.selectbox(key="walk_derivation").set_value("multi_scale").run()
    assert not page.exception
    assert page.session_state["walk"].query == 5


def test_sizes_of_costs_come_from_the_link_and_nonsense_is_noted():
    page = visit("walkthrough", derivation="complexity", sizes="0-640-8-4-128-2")
    assert page.session_state["walk"].sizes == CostSizes(0, 640, 8, 4, 128, 2)
    assert "0-640-8-4-128-2" in page.query_params["sizes"]
    assert not page.info and not page.exception
    page = visit("walkthrough", derivation="complexity", sizes="7-7-7")
    assert "sizes no slider has" in page.info[0].value
    assert page.session_state["walk"].sizes == CostSizes()


def test_a_search_leaves_the_cards_that_have_all_words():
    page = visit("myths")
    assert len([text for text in page.markdown if text.value.startswith("#### ")]) == 43
    page.text_input(key="myths_wish").set_value("half precision").run()
    titles = [text.value for text in page.markdown if text.value.startswith("#### ")]
    assert "#### 29. Half precision" in titles and len(titles) < 5
    assert not page.exception
