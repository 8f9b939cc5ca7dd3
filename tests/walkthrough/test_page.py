"""What the page of equations is handed: subjects, addresses, and what is drawn of them."""

import re
from dataclasses import replace
from functools import cache

import pytest
import torch

import deformviz as dv
from deformviz.tracing.pictures import read_picture
from deformviz.walkthrough.change import WHOLE_LAYER, Change, read_change
from deformviz.walkthrough.costs import CostSizes, pixels_of, read_sizes, settle
from deformviz.walkthrough.derivation import ANY_LAYER, DECODER
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.mathml import symbol_mathml
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.passes import Material, kept_passes
from deformviz.walkthrough.payload import payload
from deformviz.walkthrough.proposals import token_of
from deformviz.walkthrough.prose_spans import spans
from deformviz.walkthrough.subject import Subject, read_subject, to_address
from deformviz.walkthrough.tables import tabulate
from tests.walkthrough.conftest import PICTURE, VARIANTS, random_model


@pytest.fixture(scope="module")
def material():
    """A rendered picture and the shipped models, loaded once."""
    load = cache(dv.load)
    return Material(
        "shipped", lambda: load("deformable-detr-scenes"), lambda: read_picture(PICTURE), load
    )


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_derivation_is_followed_and_every_part_it_names_is_a_step_of_it(name, material):
    record = DERIVATIONS[name]
    layers = ("encoder.0", "decoder.1") if record.follows == ANY_LAYER else ("decoder.1",)
    subjects = [Subject(name, layer=layer) for layer in layers]
    if record.mistakes:  # a broken formula is shown in steps of its own
        subjects += [Subject(name, layer=layer, mistake="swap_xy") for layer in layers]
    steps = set()
    for subject in subjects:
        found = follow(subject, material)
        assert found.subject.derivation == name
        shown = payload(found)
        assert float(shown["difference"]) <= 1e-3 * shown["scale"] + 1e-12
        steps |= {step["name"] for step in shown["steps"]}
    assert {step for part in record.parts.values() for step in part} <= steps
    assert set(record.edits) <= set(WHOLE_LAYER)


def test_proposals_of_a_one_stage_model_are_not_followed_but_its_boxes_are():
    model = random_model(VARIANTS["one stage"]).float()
    given = Material("one stage", lambda: model, lambda: read_picture(PICTURE), dv.load)
    assert follow(Subject("proposals"), given).subject.derivation == "decoder"


def test_a_model_of_another_kind_is_refused_in_one_sentence():
    given = Material("dat", lambda: dv.load("dat-scenes"), lambda: read_picture(PICTURE), dv.load)
    with pytest.raises(ValueError, match="follow detectors of the DETR family"):
        follow(Subject(), given)
    with pytest.raises(ValueError, match="none was given"):
        follow(Subject())


def test_a_pass_is_kept_and_the_oldest_makes_room(material):
    small = replace(material, passes=kept_passes(budget_bytes=1))
    first = small.look()
    assert small.look() is first
    small.look(mistake="swap_xy")
    assert len(small.passes) == 1 and small.look() is not first


def test_whoever_waits_hears_each_layer_and_can_stop_it(material):
    class Stopped(Exception):
        pass

    heard = []

    def stop_at_the_decoder(stage, index, count):
        heard.append(stage)
        if stage == "decoder.0":
            raise Stopped

    with pytest.raises(Stopped):
        replace(material, passes=kept_passes(), on_layer=stop_at_the_decoder).look()
    assert heard == ["backbone", "encoder.0", "encoder.1", "decoder.0"]


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("layer", ["encoder.0", "decoder.0"])
def test_every_mistake_stands_beside_what_is_right(layer, mistake, material):
    follows = (ANY_LAYER, DECODER) if layer.startswith("decoder") else (ANY_LAYER,)
    for name, record in DERIVATIONS.items():
        if record.follows not in follows:
            continue
        shown = payload(follow(Subject(name, layer=layer, mistake=mistake), material))
        assert [picture["title"] for picture in shown["pictures"]] == ["Right", "Broken"]


def test_a_query_that_follows_another_proposal_than_before_says_so(material):
    both = [material.look(mistake=name).observation for name in ("", "align_corners")]
    for query in (0, 2, 17):
        subject = Subject(layer="decoder.0", query=query, mistake="align_corners")
        before, now = (token_of(seen, query) for seen in both)
        note = follow(subject, material).note
        assert (before != now) == bool(note)
        if note and "is query" in note:
            at = int(re.search(r"is query (\d+) now", note).group(1))
            assert token_of(both[1], at) == before
        flat = replace(subject, mistake="", change=Change(sharpness=0.0))
        assert not follow(flat, material).note  # the encoder is as it was


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
def test_what_the_loss_tells_an_offset_is_right_where_the_layer_is_edited(change, material):
    shown = payload(follow(Subject("gradients", change=change), material))
    assert float(shown["difference"]) <= 1e-3 * shown["scale"] + 1e-12


def test_what_if_is_an_edit_of_the_layer_and_stays_where_the_hand_is(material):
    found = follow(Subject(layer="decoder.1", change=Change(sharpness=0.0)), material)
    shown = payload(found)
    assert [picture["title"] for picture in shown["pictures"]] == ["Changed", "As it was"]
    assert len(set(shown["pictures"][0]["weights"])) == 1  # flattened
    weights = found.worked["attention_weights"].value
    assert float(weights.max() - weights.min()) < 1e-7
    assert shown["answers"][0]["lines"] != shown["answers"][1]["lines"]
    assert not any("<locals>" in step["function"] for step in shown["steps"])
    assert shown["what_if"]["sharpness"] == 0.0


def test_the_toy_shows_the_numbers_of_the_map_that_the_chosen_sample_reads():
    found = follow(Subject(example="toy", head=1, level=1, point=0))
    # W'_1 x = 2·(1, 2, 3, 4) + 1 of the second channel.
    assert payload(found)["pictures"][0]["cells"] == {"hw": [2, 2], "values": [3, 5, 7, 9]}
    found = follow(Subject(example="toy", head=0, level=0))
    values = payload(found)["pictures"][0]["cells"]["values"]
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


def test_an_address_says_what_it_reads():
    subject = Subject(derivation="bilinear", query=4, head=2, point=1, mistake="swap_hw")
    again, step, notes = read_subject(to_address(subject, "pixel"))
    assert (again, step, notes) == (subject, "pixel", [])


@pytest.mark.parametrize(
    "sizes",
    [CostSizes(), CostSizes(0, 1600, 8, 16, 1024, 5), CostSizes(1, 64, 2, 1, 32, 1)],
    ids=str,
)
def test_the_counted_cost_of_any_slider_is_the_formula(sizes):
    found = follow(Subject(derivation="complexity", sizes=sizes))
    assert found.worked.difference == 0
    panel = payload(found)["costs"]
    assert panel["counted"] == int(found.worked["module_cost"].value)
    assert panel["pixels"][sizes.side][sizes.levels - 1] == pixels_of(sizes.side, sizes.levels)


def test_a_slider_cannot_be_told_what_it_does_not_have():
    assert read_sizes(CostSizes(levels=2).to_text()) == CostSizes(levels=2)
    for text in ("300-800-4-8-256", "300-800-4-8-256-x", "301-800-4-8-256-4", ""):
        assert read_sizes(text) is None
    assert settle({"queries": "300"}) is None


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


def test_sums_and_maps_of_eq_3_are_terms():
    shown = payload(follow(Subject(example="toy")))
    terms = re.findall(r'data-term="(\w+)"[^>]*>(.*?)</mrow>', shown["whole"], re.S)
    named = [name for name, _ in terms]
    assert named.count("attended") == 1 and named.count("output") == 1
    assert "value_input" in named
    of = {name: inner for name, inner in terms}
    assert "∑" in of["attended"] and "∑" in of["output"]
    attended = next(step for step in shown["steps"] if step["name"] == "attended")
    assert 'data-term="attended"' in attended["equation"]
    assert "attended" in attended["terms"] and "∑" in attended["equation"]


@pytest.mark.parametrize("name", ["multi_scale", "single_scale"])
def test_eq_2_and_3_open_on_sampling_locations(name):
    shown = payload(follow(Subject(name, example="toy")))
    assert shown["opens"] == "sampling_locations"
    assert shown["opens"] in {step["name"] for step in shown["steps"]}
