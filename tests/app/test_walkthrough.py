"""The pages of equations and of myths: links, notes, and what the numbers of the page are."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from app import runs, session
from app.sources import list_sources
from app.walkthrough.costs import CostSizes, pixels_of, read_sizes, settle
from app.walkthrough.lesson import lesson, look
from app.walkthrough.payload import payload
from app.walkthrough.prose_spans import spans
from app.walkthrough.subject import (
    DERIVATIONS,
    MISTAKES,
    Change,
    Subject,
    read_change,
    read_subject,
    to_address,
)
from app.walkthrough.tables import tabulate
from deformviz.walkthrough import breaking
from deformviz.walkthrough.mathml import symbol_mathml
from deformviz.walkthrough.myths import CARDS
from deformviz.walkthrough.proposals import token_of
from deformviz.walkthrough.prose import read_prose

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


@pytest.mark.parametrize("mistake", breaking.MISTAKES)
@pytest.mark.parametrize("layer", ["encoder.0", "decoder.0"])
def test_every_mistake_can_be_followed_in_every_derivation_by_hand(layer, mistake):
    source = next(iter(list_sources(session.stored_traces()).values()))
    model = next(iter(runs.list_models().values()))
    for derivation, (_, follows) in DERIVATIONS.items():
        if follows not in ("any", "decoder") or follows == "decoder" != layer[:7]:
            continue
        found = lesson(Subject(derivation, layer=layer, mistake=mistake), source, model, "")
        shown = payload(found, "")
        assert [picture["title"] for picture in shown["pictures"]] == ["Right", "Broken"]
        assert float(shown["difference"]) <= 1e-3 * shown["scale"] + 1e-12, derivation


def test_a_query_that_follows_another_proposal_than_before_says_so():
    source = next(iter(list_sources(session.stored_traces()).values()))
    model = next(iter(runs.list_models().values()))
    for query in (0, 2, 17):
        subject = Subject(layer="decoder.0", query=query, mistake="align_corners")
        both = [
            look(source, model, "", mistake=mistake).observation
            for mistake in ("", "align_corners")
        ]
        before, now = (token_of(seen, query) for seen in both)
        note = lesson(subject, source, model, "").note
        assert (before != now) == bool(note)
        if note and "is query" in note:
            at = int(re.search(r"is query (\d+) now", note).group(1))
            assert token_of(both[1], at) == before
    assert not lesson(
        replace(subject, mistake="", change=Change(sharpness=0.0)), source, model, ""
    ).note  # the encoder is as it was


@pytest.mark.parametrize(
    "change",
    [
        Change(offset_scale=-0.5),
        Change(reference_shift_xy=(0.1, 0.0)),
        Change(moved=(((0, 0, 0), (0.4, 0.6)),)),
        Change(sharpness=2.0, dropped_levels=(1,)),
    ],
    ids=["scaled", "shifted", "dragged", "sharpened"],
)
def test_what_the_loss_tells_an_offset_is_right_where_the_layer_is_edited(change):
    source = next(iter(list_sources(session.stored_traces()).values()))
    model = next(iter(runs.list_models().values()))
    shown = payload(lesson(Subject("gradients", change=change), source, model, ""), "")
    assert float(shown["difference"]) <= 1e-3 * shown["scale"] + 1e-12


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


def test_a_lesson_that_fails_leaves_the_choices_and_a_way_back(monkeypatch):
    page = visit("walkthrough", derivation="multi_scale")

    def fail(*arguments):
        raise KeyError("encoder.0")

    with monkeypatch.context() as broken:
        broken.setattr("app.walkthrough.lesson.lesson", fail)
        page.selectbox(key="walk_mistake").set_value("swap_xy").run()
        assert not page.exception
        assert "Choose others" in page.error[0].value
        assert page.selectbox(key="walk_mistake").value == "swap_xy"
    page.button[-1].click().run()
    assert not page.exception and not page.error
    assert page.session_state["walk"].mistake == ""


def test_the_switches_are_those_of_the_library():
    assert set(MISTAKES) - {""} == set(breaking.MISTAKES)


def test_what_if_is_an_edit_of_the_layer_and_stays_where_the_hand_is():
    page = visit("walkthrough", derivation="multi_scale", layer="decoder.1")
    calm = page.session_state["walk"]
    page.session_state["walk"] = replace(calm, change=Change(sharpness=0.0))
    page.run()
    assert not page.exception
    source = list_sources(session.stored_traces())[page.session_state["picture"]]
    found = lesson(page.session_state["walk"], source, next(iter(runs.list_models().values())), "")
    shown = payload(found, "")
    assert [picture["title"] for picture in shown["pictures"]] == ["Changed", "As it was"]
    assert len(set(shown["pictures"][0]["weights"])) == 1  # flattened
    weights = found.derivation["attention_weights"].value
    assert float(weights.max() - weights.min()) < 1e-7
    assert shown["answers"][0]["lines"] != shown["answers"][1]["lines"]
    assert not any("<locals>" in step["function"] for step in shown["steps"])
    assert shown["what_if"]["sharpness"] == 0.0


def test_the_toy_shows_the_numbers_of_the_map_that_the_chosen_sample_reads():
    found = lesson(Subject(example="toy", head=1, level=1, point=0), None, None, "")
    # W'_1 x = 2·(1, 2, 3, 4) + 1 of the second channel.
    assert payload(found, "")["pictures"][0]["cells"] == {"hw": [2, 2], "values": [3, 5, 7, 9]}
    found = lesson(Subject(example="toy", head=0, level=0), None, None, "")
    values = payload(found, "")["pictures"][0]["cells"]["values"]
    assert values == [0, 1, 2, 0, 10, 11, 12, 0, 20, 21, 22, 0]  # the last column is padding


def test_sliders_of_what_if_keep_what_was_dragged_and_ignore_nonsense():
    now = Change(moved=(((0, 1, 1), (0.4, 0.6)),))
    wanted = {
        "offset_scale": 9,
        "sharpness": "2",
        "dropped_heads": [3, 1, 3],
        "dropped_levels": [],
        "reference_shift_xy": [0.1, -7],
    }
    assert read_change(wanted, now) == Change(3.0, 2.0, (1, 3), (), (0.1, -0.5), now.moved)
    assert read_change({"offset_scale": "much"}, now) is now


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
    assert page.session_state["start_view"] == {"query": 4, "pinned": True}
    page.session_state["view_params"] = {"q": "11", "pin": "1"}  # as Explore's canvas told
    page.run()
    assert page.session_state["walk"].query == 11
    assert page.session_state["start_view"]["query"] == 11
    page.run()  # and it is told only once
    page.number_input(key="walk_number").set_value(7).run()
    assert page.session_state["walk"].query == page.session_state["start_view"]["query"] == 7
    stored = list_sources(session.stored_traces())[page.session_state["picture"]].stored
    assert page.session_state["start_view_of"] == stored.key


def test_another_picture_is_asked_about_its_own_best_detection():
    page = visit("walkthrough", layer="decoder.1", query="299")
    asked = page.session_state["walk"].query
    names = list(list_sources(session.stored_traces()))
    page.session_state["picture"] = names[1]
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


def test_an_address_says_what_it_reads():
    subject = Subject(derivation="bilinear", query=4, head=2, point=1, mistake="swap_hw")
    again, step, notes = read_subject(to_address(subject, "pixel"))
    assert (again, step, notes) == (subject, "pixel", [])


def test_sizes_of_costs_come_from_the_link_and_nonsense_is_noted():
    page = visit("walkthrough", derivation="complexity", sizes="0-640-8-4-128-2")
    assert page.session_state["walk"].sizes == CostSizes(0, 640, 8, 4, 128, 2)
    assert "0-640-8-4-128-2" in page.query_params["sizes"]
    assert not page.info and not page.exception
    page = visit("walkthrough", derivation="complexity", sizes="7-7-7")
    assert "sizes no slider has" in page.info[0].value
    assert page.session_state["walk"].sizes == CostSizes()


@pytest.mark.parametrize(
    "sizes",
    [CostSizes(), CostSizes(0, 1600, 8, 16, 1024, 5), CostSizes(1, 64, 2, 1, 32, 1)],
    ids=str,
)
def test_the_counted_cost_of_any_slider_is_the_formula(sizes):
    found = lesson(Subject(derivation="complexity", sizes=sizes), None, None, "")
    assert found.derivation.difference == 0
    panel = payload(found, "")["costs"]
    assert panel["counted"] == int(found.derivation["module_cost"].value)
    assert panel["pixels"][sizes.side][sizes.levels - 1] == pixels_of(sizes.side, sizes.levels)


def test_a_slider_cannot_be_told_what_it_does_not_have():
    assert read_sizes(CostSizes(levels=2).to_text()) == CostSizes(levels=2)
    for text in ("300-800-4-8-256", "300-800-4-8-256-x", "301-800-4-8-256-4", ""):
        assert read_sizes(text) is None
    assert settle({"queries": "300"}) is None


def test_a_search_leaves_the_cards_that_have_all_words():
    page = visit("myths")
    assert len([text for text in page.markdown if text.value.startswith("#### ")]) == 43
    page.text_input(key="myths_wish").set_value("half precision").run()
    titles = [text.value for text in page.markdown if text.value.startswith("#### ")]
    assert "#### 29. Half precision" in titles and len(titles) < 5
    assert not page.exception


def test_a_small_tensor_is_a_table_and_a_large_one_a_map_per_level():
    small = tabulate(torch.arange(12.0).reshape(2, 3, 2), "head point xy")
    assert (small["rows"], small["columns"]) == (2, 6)
    assert small["values"] == list(range(12))
    large = tabulate(torch.full((800, 2), -2.0), "pixel channel", [(20, 30), (10, 20)])
    assert [(level["height"], level["width"]) for level in large["maps"]] == [(20, 30), (10, 20)]
    assert set(large["maps"][1]["values"]) == {2.0}
    assert tabulate(torch.tensor(float("nan")), "")["values"] == [0.0]


def test_prose_becomes_spans_and_never_html():
    assert spans("so $W_m$")[1] == ["math", symbol_mathml("W_m")]
    assert spans("**a** b *c* `<d>`") == [
        ["strong", "a"],
        ["text", " b "],
        ["em", "c"],
        ["text", " "],
        ["code", "<d>"],
    ]
