"""What a DAT's knots are worth to a class logit: held still, complete, deleted one by one."""

import numpy as np
import pytest
import torch

from deformviz.analysis.attribution import attribute
from deformviz.analysis.attribution_grid import ClassLogit, hold_grids
from deformviz.analysis.attribution_records import METHODS, QUANTITIES
from deformviz.analysis.attribution_table import study
from deformviz.analysis.faithfulness import scores_along, weight_order
from deformviz.analysis.verdict import verdict
from tests.analysis.test_attribution import picture
from tests.checkpoints.test_dat import small_dat

TARGET = ClassLogit(3)
LAYERS = ("stages.1.attns.0", "stages.2.attns.1", "stages.3.attns.0")


@pytest.fixture(scope="module", params=["v1", "++"])
def held(request):
    model = small_dat(request.param)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # fresh weights hardly deform
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return hold_grids(model, picture(50, 34))


def test_the_held_pass_is_that_of_the_model_on_the_padded_picture(held):
    assert held.layers == LAYERS
    with torch.no_grad():
        torch.testing.assert_close(held.model(held.pixels[None])[0], held.output)
    assert held.frame.padded_hw == (64, 64) and held.frame.resized_hw == (64, 44)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("layer", LAYERS)
def test_with_the_layers_own_numbers_the_answer_is_the_models(held, layer, quantity):
    way = held.rest(layer).way(quantity)
    with torch.no_grad():
        answer = way.answer(torch.cat([way.inputs, way.inputs]))
    torch.testing.assert_close(answer, held.output.expand(2, -1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("layer", LAYERS)
def test_integrated_gradients_are_complete_to_one_per_cent(held, layer, quantity):
    found = attribute(held, TARGET, layer, quantity)
    assert found.values.shape == tuple(held.weights(layer).shape)
    assert found.score == pytest.approx(float(held.output[0, 3]), abs=1e-5)
    assert abs(found.difference) > 1e-6 and found.completeness_error <= 0.01


def test_offsets_begin_at_the_undeformed_grid(held):
    layer = LAYERS[0]
    way = held.rest(layer).way(QUANTITIES[2])
    seen = []
    model = held.model
    module = model.get_submodule(layer)
    right, module.propose_offsets = (
        module.propose_offsets,
        lambda query_map: (torch.zeros_like(way.inputs), held.traces[layer].grid_hw),
    )
    try:
        with torch.no_grad():
            logits, traces = model(held.pixels[None])
            seen.append(way.answer(way.baseline))
    finally:
        module.propose_offsets = right
    torch.testing.assert_close(seen[0], logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(traces[layer].positions, traces[layer].reference_grid)


def test_deleting_a_knot_is_attending_without_it(held):
    """The heaviest knot of a head deleted: its A v is missing from the head's output."""
    layer = LAYERS[2]
    order = weight_order(held, TARGET, layer)
    knots = held.weights(layer).shape[-1]
    head, knot = divmod(int(order[0]), knots)
    way = held.rest(layer).way(QUANTITIES[1])
    weights = way.inputs.clone()
    weights[0, head, :, knot] = 0
    with torch.no_grad():
        by_hand = float(way.answer(weights)[0, TARGET.label])
    scores = scores_along(held, TARGET, layer, order[None], np.array([0, 1]))[0]
    assert scores[1] == pytest.approx(by_hand, abs=1e-5)
    assert scores[0] == pytest.approx(float(held.output[0, 3]), abs=1e-5)


def test_weights_are_means_over_queries_and_knots_lie_in_the_picture(held):
    for layer in held.layers:
        weights, locations = held.weights(layer), held.locations_px(layer)
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:3]))
        assert locations.shape == (*weights.shape, 2)
    centre = held.locations_px(LAYERS[0])[0, 0, 0].mean(0)
    assert (centre > 5).all() and (centre < 60).all()


def test_a_gradient_is_that_of_finite_differences(held):
    layer, step = LAYERS[2], 1e-2
    found = attribute(held, TARGET, layer, QUANTITIES[0], METHODS[1]).values
    place = np.unravel_index(np.abs(found).argmax(), found.shape)
    way = held.rest(layer).way(QUANTITIES[0])
    gates = way.inputs.repeat(2, 1, 1, 1, 1)
    gates[(0, *place)] += step
    gates[(1, *place)] -= step
    with torch.no_grad():
        up, down = TARGET.of(way.answer(gates))
    assert float(up - down) / (2 * step) == pytest.approx(found[place], rel=0.02)


def test_the_model_is_left_as_it_was(held):
    before = {key: value.clone() for key, value in held.model.state_dict().items()}
    attribute(held, TARGET, LAYERS[0], QUANTITIES[2])
    assert all(torch.equal(before[key], value) for key, value in held.model.state_dict().items())
    assert all(parameter.grad is None for parameter in held.model.parameters())


def test_the_study_and_its_verdict_speak_of_knots_too(held):
    found = study(
        held, TARGET, layers=LAYERS[2:], generator=torch.Generator().manual_seed(1), most_steps=16
    )
    assert len(found.rows) == len(QUANTITIES) * len(METHODS) + 2
    said = " ".join(verdict(found, LAYERS[2], "the logit of the boat"))
    points = found.curves[LAYERS[2]].points
    assert f"of {points} points" in said and "they carry" not in said


def test_a_layer_without_a_deformed_grid_is_refused_by_name(held):
    with pytest.raises(KeyError, match="stages.0.attns.0"):
        held.rest("stages.0.attns.0")
