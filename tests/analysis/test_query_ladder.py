"""Where a query's reference comes from, and which arrows carry gradient, system by system."""

import pytest
import torch

from deformviz.analysis.query_ladder import RUNGS, query_ladder
from deformviz.checkpoints import (
    co_deformable_detr,
    official,
    official_dab_deformable,
    official_dab_detr,
    official_detr,
    official_dino,
)
from deformviz.checkpoints.report import LoadReport
from tests.checkpoints.test_layouts import tiny
from tests.models.tiny_detector import pictures

TWO_STAGE = dict(refine=True, two_stage=True)
STANDS_ON = {
    "DETR": (official_detr, {}, {"embedding"}),
    "Deformable DETR": (official, {}, {"embedding", "point"}),
    "refined": (official, dict(refine=True), {"embedding", "point", "refined"}),
    "two-stage": (official, TWO_STAGE, {"refined", "proposal"}),
    "DAB-DETR": (
        official_dab_detr,
        {},
        {"refined", "anchor", "modulated", "forward_twice"},
    ),
    "DAB-Deformable-DETR": (official_dab_deformable, {}, {"refined", "anchor"}),
    "DINO": (official_dino, {}, {"refined", "proposal", "mixed", "forward_twice"}),
    "Co-Deformable-DETR": (
        co_deformable_detr,
        {},
        {"refined", "proposal", "mixed", "forward_twice"},
    ),
}


def explained(name):
    layout, changes, _ = STANDS_ON[name]
    model = tiny(layout.NAMING, dict(decoder_layers=3, **changes))
    (pixels,) = pictures((66, 90))
    return model, pixels, query_ladder(model, pixels)


@pytest.fixture(scope="module", params=STANDS_ON)
def one(request):
    return request.param, *explained(request.param)


def test_a_system_stands_on_its_own_rungs(one):
    name, _, _, ladder = one
    assert [rung.name for rung in ladder.rungs] == list(RUNGS)
    assert {rung.name for rung in ladder.rungs if rung.here} == STANDS_ON[name][2]


def test_its_numbers_are_those_of_the_model(one):
    _, model, pixels, ladder = one
    with torch.inference_mode():
        output, traces = model([pixels])
    outputs = (*output.auxiliary, output)
    for said, boxes in zip(outputs, ladder.boxes, strict=True):
        assert boxes == pytest.approx(said.boxes_cxcywh[0, ladder.query].tolist(), abs=1e-5)
    record = traces["decoder.0"]
    if hasattr(record, "sampling_locations"):  # one picture has no padding: the same on all levels
        reference = record.references[0, ladder.query, 0].tolist()
        assert ladder.start == pytest.approx(reference, abs=1e-5)


def test_gradients_pass_to_the_step_before_only_where_boxes_look_forward_twice(one):
    name, _, _, ladder = one
    steps = {(a.layer, a.of_layer): a.carries for a in ladder.arrows if a.source == "step"}
    twice = "forward_twice" in STANDS_ON[name][2]
    assert all(steps[layer, layer] for layer in range(3))
    assert steps[1, 0] is twice and steps[2, 1] is twice
    assert steps[2, 0] is False  # references never pass it on


def test_a_learnt_beginning_hears_of_every_box_and_a_proposal_of_none(one):
    name, _, _, ladder = one
    started = [a.carries for a in ladder.arrows if a.source == "start"]
    proposed = [a.carries for a in ladder.arrows if a.source == "proposal"]
    if name == "DETR":
        assert started == [] and proposed == []
    elif "proposal" in STANDS_ON[name][2]:
        assert started == [False] * 3 and proposed == [False] * 3
    else:
        assert started == [True] * 3  # through what is read there, if not through the box itself


def test_what_only_training_used_is_counted_in_the_file():
    model, pixels, _ = explained("DINO")
    ignored = ("label_enc.weight", "roi_head.0.bias", "roi_head.0.weight", "epoch")
    report = LoadReport("x.pth", "DINO", "dino", "", {}, ignored=ignored)
    object.__setattr__(model, "load_report", report)
    rungs = {rung.name: rung for rung in query_ladder(model, pixels, 2).rungs}
    assert rungs["denoising"].here and rungs["denoising"].numbers == {"count": "1"}
    assert rungs["auxiliary"].here and rungs["auxiliary"].numbers == {"count": "2"}
