"""Deletion, insertion, agreement, the table and the verdict: numbers first, words from them."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.analysis.attribution import attribute
from deformviz.analysis.attribution_records import METHODS, QUANTITIES, Faithfulness, curve_area
from deformviz.analysis.attribution_table import study
from deformviz.analysis.attribution_targets import Target, hold
from deformviz.analysis.faithfulness import (
    agreement,
    faithfulness,
    scores_along,
    weight_order,
)
from deformviz.analysis.verdict import deletion_sentence, percent, verdict
from tests.analysis.test_attribution import picture, small
from tests.models.tiny_detector import RECIPE, tiny_detector

TARGET = Target(query=1, label=2)


def seeded():
    return torch.Generator().manual_seed(5)


@pytest.fixture(scope="module")
def held():
    return hold(small(tiny_detector(**RECIPE)), picture())


@pytest.fixture(scope="module")
def studied(held):
    return study(held, TARGET, layers=("decoder.0", "decoder.1"), generator=seeded())


@pytest.mark.parametrize("layer", ["encoder.0", "decoder.1"])
def test_nothing_deleted_is_the_score_and_all_inserted_too(held, layer):
    worth = attribute(held, TARGET, layer).values
    found = faithfulness(held, TARGET, layer, worth, generator=seeded())
    score = float(TARGET.of(held.output)[0])
    for order in ("weight", "attribution", "random"):
        assert found.curves["deletion", order][0] == pytest.approx(score, abs=1e-5)
        assert found.curves["insertion", order][-1] == pytest.approx(score, abs=1e-5)
        assert found.curves["deletion", order][-1] == pytest.approx(
            found.curves["insertion", order][0], abs=1e-5
        )


def test_deleting_a_point_is_leaving_it_out_of_the_sum(held):
    """One point of one query deleted: the layer's output loses W_m (A v) of that sample."""
    layer = "decoder.1"
    heaviest = weight_order(held, TARGET, layer)[:1]
    trace = held.traces[layer]
    from deformviz.attention.reference import merge_heads, sample

    sampled = sample(trace.value, trace.spatial_shapes, trace.sampling_locations)
    kept = trace.attention_weights.clone()
    kept[0, TARGET.query].view(-1)[heaviest] = 0
    attended = merge_heads((sampled * kept[..., None]).sum((3, 4)))
    module = held.model.transformer.decoder.layers[1].cross_attn
    with torch.no_grad():
        by_hand = module.output_proj(attended)[0, TARGET.query]
    seen = {}
    from deformviz.analysis import attribution_targets as room

    original = room.Continuation.answer

    def watch(self, count, **formulas):
        hook = self._module.register_forward_hook(
            lambda module, inputs, output: seen.update(output=output[0])
        )
        try:
            return original(self, count, **formulas)
        finally:
            hook.remove()

    room.Continuation.answer = watch
    try:
        order = weight_order(held, TARGET, layer)
        scores_along(held, TARGET, layer, order[None], np.array([1]))
    finally:
        room.Continuation.answer = original
    torch.testing.assert_close(seen["output"][0, TARGET.query], by_hand, atol=1e-5, rtol=1e-4)


def test_the_heaviest_point_goes_first(held):
    for layer in ("decoder.0", "decoder.1"):
        weights = held.traces[layer].attention_weights[0, TARGET.query].flatten()
        ordered = weights[weight_order(held, TARGET, layer)].tolist()
        assert ordered == sorted(weights.tolist(), reverse=True)
        assert ordered[0] > ordered[-1]


def test_the_point_of_most_worth_goes_first_whether_deleted_or_inserted(held):
    """Worth grows from point to point, so the last one is the first to go."""
    layer = "decoder.1"
    shape = held.traces[layer].attention_weights.shape[1:]
    worth = np.arange(np.prod(shape), dtype=float).reshape(shape)
    found = faithfulness(
        held, TARGET, layer, worth, generator=seeded(), orders=("weight", "attribution")
    )
    backwards = torch.arange(found.points - 1, -1, -1)
    for kind in ("deletion", "insertion"):
        by_hand = scores_along(
            held, TARGET, layer, backwards[None], found.counts, insert=kind == "insertion"
        )[0]
        np.testing.assert_allclose(found.curves[kind, "attribution"], by_hand, atol=1e-6)
        assert np.ptp(by_hand) > 1e-4
    deleted, inserted = (found.curves[kind, "attribution"] for kind in ("deletion", "insertion"))
    assert np.abs(deleted - inserted[::-1]).max() > 1e-5  # the same points stay only at the ends


def test_orders_asked_together_are_answered_as_if_alone(held):
    layer, counts, generator = "decoder.0", np.array([0, 2, 5]), seeded()
    points = len(weight_order(held, TARGET, layer))
    orders = torch.stack([torch.randperm(points, generator=generator) for _ in range(3)])
    heard = []
    together = scores_along(
        held, TARGET, layer, orders, counts, on_step=lambda *step: heard.append(step)
    )
    assert together.shape == (3, 3) and heard[0] == (0, 7)  # nothing deleted: asked once
    for row, order in zip(together, orders, strict=True):
        alone = scores_along(held, TARGET, layer, order[None], counts)[0]
        np.testing.assert_allclose(row, alone, atol=1e-6)


def test_the_area_is_the_mean_height_of_the_curve():
    assert curve_area(np.array([0, 0.5, 1]), np.array([1.0, 0.5, 0.0])) == pytest.approx(0.5)
    assert curve_area(np.array([0, 1.0]), np.array([0.3, 0.3])) == pytest.approx(0.3)


def test_agreement_is_rank_correlation_with_the_magnitude():
    weights = np.array([0.1, 0.2, 0.3, 0.4]).reshape(1, 1, 2, 2)
    assert agreement(weights, -10 * weights)[0, 0] == pytest.approx(1.0)
    assert agreement(weights, 1 - weights)[0, 0] == pytest.approx(-1.0)
    assert np.isnan(agreement(np.full_like(weights, 0.25), weights)[0, 0])


def test_every_head_and_query_has_its_own_agreement():
    up = np.array([0.1, 0.2, 0.3, 0.4]).reshape(2, 2)
    weights = np.stack([[up, up[::-1, ::-1]], [up[::-1, ::-1], up]])  # query head level point
    found = agreement(weights, np.broadcast_to(up, weights.shape))
    np.testing.assert_allclose(found, [[1, -1], [-1, 1]])


def test_random_orders_follow_their_generator(held):
    worth = attribute(held, TARGET, "decoder.0").values
    first, again = (
        faithfulness(
            held,
            TARGET,
            "decoder.0",
            worth,
            generator=seeded(),
            orders=("random",),
            kinds=("deletion",),
        )
        for _ in range(2)
    )
    assert first.area("deletion", "random") == again.area("deletion", "random")


def test_the_table_has_every_method_on_every_layer_and_can_be_taken_away(studied):
    methods = {(row.quantity, row.method) for row in studied.rows}
    assert methods >= {(quantity, method) for quantity in QUANTITIES for method in METHODS}
    assert len(studied.rows) == 2 * (len(QUANTITIES) * len(METHODS) + 2)
    lines = studied.to_csv().splitlines()
    assert len(lines) == 1 + len(studied.rows)
    assert lines[0].startswith("layer,quantity,method,difference,completeness_error")
    assert lines[1].startswith("decoder.0,sampled values,integrated gradients,")


def test_the_verdict_says_what_was_computed(studied):
    said = " ".join(verdict(studied, "decoder.1", "the score of the ball"))
    score, without = studied.score, studied.without_heaviest["decoder.1"]
    assert f"from {score:.3f} to {without:.3f}" in said
    if without < score:
        assert f"they carry {percent((score - without) / score)} of it" in said
    area = studied.curves["decoder.1"].area("deletion", "random")
    assert f"{area:.3f} at random" in said


def made_up(weight, attribution, random):
    """Curves that are level at the given heights."""
    heights = {"weight": weight, "attribution": attribution, "random": random}
    curves = {("deletion", name): np.full(2, height) for name, height in heights.items()}
    return Faithfulness("decoder.0", 8, np.array([0, 8]), curves)


@pytest.mark.parametrize(
    ("areas", "words"),
    [
        ((0.31, 0.30, 0.60), "The heavy points are the ones that matter"),
        ((0.45, 0.30, 0.60), "Weight finds what matters 50 % as well"),
        ((0.60, 0.30, 0.60), "no more harm than deleting points at random"),
        ((0.80, 0.30, 0.60), "less harm than deleting points at random"),
        ((0.50, 0.60, 0.60), "no order better than chance"),
    ],
)
def test_other_curves_get_other_words(areas, words):
    assert words in deletion_sentence(made_up(*areas))


@pytest.mark.parametrize(
    ("correlation", "words"),
    [
        (0.81, "agree closely"),
        (0.79, "agree roughly"),
        (0.49, "agree a little"),
        (0.1, "have nothing to do with each other"),
        (-0.3, "contradict each other"),
    ],
)
def test_a_correlation_is_called_what_it_is(studied, correlation, words):
    rows = tuple(replace(row, agreement=correlation) for row in studied.rows)
    said = " ".join(verdict(replace(studied, rows=rows), "decoder.1", "the score"))
    assert f"attributions {words} on" in said and f"correlation {correlation:.2f}" in said


def test_an_incomplete_attribution_is_said_to_be_one(studied):
    key = ("decoder.0", QUANTITIES[0], METHODS[0])
    broken = replace(studied.attributions[key], values=studied.attributions[key].values * 2)
    study_with = replace(studied, attributions=studied.attributions | {key: broken})
    said = " ".join(verdict(study_with, "decoder.0", "the score"))
    missed = re.search(r"Read with care: .* sampled values by (\d+) %", said)
    assert 90 <= int(missed[1]) <= 110  # it was complete to one per cent before it was doubled
