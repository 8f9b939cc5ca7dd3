"""What each layer believes is what the model would answer if it ended there."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.analysis.layer_beliefs import (
    Beliefs,
    Proposals,
    beliefs_of,
    flat_samples,
    nearest_query,
    samples_px,
    why_missed,
)
from deformviz.checkpoints import official, official_dab_detr, official_detr, official_dino
from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.models.proposals import best_tokens
from deformviz.tracing.run import run
from tests.checkpoints.test_layouts import tiny

PICTURE = np.random.default_rng(4).integers(0, 256, (54, 86, 3), dtype=np.uint8)
SMALL = dict(decoder_layers=3, encoder_layers=1, short_side=None, long_side=96)
TWO_STAGE = dict(refine=True, two_stage=True)
SYSTEMS = {
    "DETR": (official_detr, {}),
    "Deformable DETR": (official, {}),
    "two-stage": (official, TWO_STAGE),
    "DAB-DETR": (official_dab_detr, {}),
    "DINO": (official_dino, {}),
}


@pytest.fixture(scope="module", params=SYSTEMS)
def looked(request):
    layout, changes = SYSTEMS[request.param]
    model = tiny(layout.NAMING, {**SMALL, **changes})
    trace = run(model, PICTURE, prove=False)
    return model, trace, beliefs_of(model, trace)


def cut_after(model, layer):
    """The model whose decoder ends after a layer."""
    short = copy.deepcopy(model)
    short.transformer.decoder.layers = short.transformer.decoder.layers[: layer + 1]
    return short


def test_a_layer_believes_what_the_model_would_answer_if_it_ended_there(looked):
    model, _, beliefs = looked
    assert beliefs.layers == 3
    for layer in range(3):
        output = run(cut_after(model, layer), PICTURE, layers=(), prove=False).output
        logits = torch.as_tensor(output.logits).double()
        wanted = logits.softmax(-1)[:, :-1] if model.config.no_object else logits.sigmoid()
        np.testing.assert_allclose(beliefs.probabilities[layer], wanted, atol=1e-5)
        boxes = cxcywh_to_xyxy(np.asarray(output.boxes_cxcywh, float))
        np.testing.assert_allclose(
            beliefs.boxes_xyxy_px[layer], scale_boxes(boxes, (54, 86)), atol=1e-2
        )


def test_the_last_layer_believes_what_was_found(looked):
    _, trace, beliefs = looked
    for index in range(3):
        query = int(trace.detections.queries[index])
        last = beliefs.of_query(query)[-1]
        label = int(trace.detections.labels[index])
        odds = beliefs.probabilities[-1, query, label]
        assert odds == pytest.approx(float(trace.detections.scores[index]), abs=1e-5)
        np.testing.assert_allclose(
            last.box_xyxy_px, trace.detections.boxes_xyxy_px[index], atol=1e-2
        )


def test_a_layer_s_score_is_of_its_own_class_and_beside_it_stands_that_of_the_last_one():
    odds = np.array([[[0.7, 0.1, 0.2]], [[0.3, 0.6, 0.1]]])
    beliefs = Beliefs(odds, np.zeros((2, 1, 4)), (20, 30), ("cat", "ball"))
    first, last = beliefs.of_query(0)
    assert (first.label, first.score, first.final_score) == (0, 0.7, 0.1)
    assert (last.label, last.score, last.final_score) == (1, 0.6, 0.6)
    assert [beliefs.name(label) for label in range(3)] == ["cat", "ball", "class 2"]


def test_proposals_are_ranked_as_the_model_ranks_them(looked):
    model, trace, beliefs = looked
    if not model.config.two_stage:
        assert beliefs.proposals is None
        return
    logits = torch.as_tensor(trace.output.proposals.logits)[None]
    chosen = best_tokens(logits, model.config.queries, model.config.proposal_score)[0]
    order = np.argsort(-beliefs.proposals.scores, kind="stable")
    assert beliefs.proposals.kept == model.config.queries == len(chosen)
    scores = beliefs.proposals.scores
    np.testing.assert_allclose(scores[order[: len(chosen)]], scores[chosen.numpy()])
    token = int(chosen[1])
    middle = beliefs.proposals.boxes_xyxy_px[token].reshape(2, 2).mean(0)
    told = why_missed(beliefs, middle).proposal
    assert told is not None and told.rank <= 2 and told.is_query


def test_a_model_that_keeps_no_output_is_refused_with_a_reason(looked):
    model, trace, _ = looked
    with pytest.raises(ValueError, match="keeps no output"):
        beliefs_of(model, replace(trace, output=None))


# -- why something was missed ----------------------------------------------------------------------

BOXES = [[0, 0, 10, 12], [20, 4, 40, 24], [50, 30, 58, 38]]


def believed(scores, proposals=None):
    """One layer, one class, three queries."""
    odds = np.array(scores, float).reshape(1, 3, 1)
    return Beliefs(odds, np.array([BOXES], float), (50, 100), ("cat",), proposals)


def proposed(scores, usable=(True, True, True, True)):
    boxes = np.array([[60, 10, 90, 40], [55, 5, 95, 45], [0, 0, 9, 9], [100, 50, 101, 51]], float)
    return Proposals(np.array(scores, float), boxes, np.array(usable), kept=2)


def test_a_place_inside_a_sure_box_was_not_missed():
    told = why_missed(believed([0.2, 0.9, 0.4]), (25, 20))
    assert told.verdict == "found"
    assert (told.finder.query, told.finder.score) == (1, 0.9)


def test_a_place_inside_a_box_that_nobody_is_sure_of():
    told = why_missed(believed([0.2, 0.29, 0.4]), (25, 20))
    assert (told.verdict, told.finder.query) == ("unsure", 1)


def test_a_place_whose_best_proposal_was_not_kept():
    told = why_missed(believed([0.2, 0.9, 0.4], proposed([0.1, 0.3, 0.8, 0.7])), (70, 20))
    assert told.verdict == "not_proposed"
    found = told.proposal
    assert (found.token, found.rank, found.count, found.is_query) == (1, 3, 4, False)


def test_a_place_whose_proposal_was_kept_but_moved_away():
    told = why_missed(believed([0.2, 0.9, 0.4], proposed([0.1, 0.8, 0.3, 0.7])), (70, 20))
    assert (told.verdict, told.proposal.rank, told.finder) == ("nobody", 1, None)


def test_proposals_of_padding_cover_nothing():
    told = why_missed(
        believed([0.2, 0.9, 0.4], proposed([0.1, 0.8, 0.3, 0.7], (True, False, True, True))),
        (92, 42),
    )
    assert (told.verdict, told.proposal) == ("not_proposed", None)


def test_without_proposals_nobody_looked_there():
    assert why_missed(believed([0.2, 0.9, 0.4]), (70, 20)).verdict == "nobody"


def test_the_nearest_query_and_how_much_of_its_attention_is_near():
    places = np.zeros((3, 2, 2, 2))  # [query head sample xy]
    places[2] = [[[57, 30], [30, 30]], [[62, 30], [60, 37.9]]]
    weights = np.zeros((3, 2, 2))
    weights[2] = [[0.25, 0.75], [0.4, 0.6]]
    told = why_missed(believed([0.2, 0.9, 0.4]), (60, 30), {0: flat_samples(places, weights)})
    (nearest,) = told.nearest
    assert told.near_px == 8
    assert nearest.belief.query == nearest_query(believed([0, 0, 0]), (60, 30)) == 2
    assert nearest.away_px == pytest.approx(np.hypot(6, 4))
    assert nearest.near_share == pytest.approx((0.25 + 0.4 + 0.6) / 2)


def test_samples_lie_in_the_original_picture(looked):
    _, trace, beliefs = looked
    record = trace["decoder.1"]
    if not hasattr(record, "sampling_locations"):
        told = why_missed(beliefs, (40, 20))
        assert [one.near_share for one in told.nearest] == [None] * 3
        return
    places, weights = samples_px(record, trace)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    one = np.asarray(record.sampling_locations)[2, 1].reshape(-1, 2)[0]
    height, width = trace.frame.padded_hw
    scale = 86 / trace.frame.resized_hw[1]
    per_head = places.shape[1] // record.attention_weights.shape[1]
    wanted = one[0] * width * scale - 0.5
    np.testing.assert_allclose(places[2, per_head, 0], wanted, atol=1e-3)
