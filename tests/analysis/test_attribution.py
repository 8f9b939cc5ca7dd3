"""Attributions add up, equal what can be computed by hand, and leave the model alone."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from deformviz.analysis.attribution import (
    ALL_PIECES,
    METHODS,
    MOST_STEPS,
    PIECE_STEPS,
    QUANTITIES,
    Attribution,
    attribute,
    explain,
)
from deformviz.analysis.attribution_pixels import (
    PIXEL_METHODS,
    attribute_pixels,
    classifier_question,
    detector_question,
)
from deformviz.analysis.attribution_targets import SIDES, Continuation, Target, gated, hold
from deformviz.models.parts import attention_of, private_copy
from tests.models.tiny_detector import RECIPE, tiny_detector

LAYERS = ("encoder.0", "decoder.0", "decoder.1")


def picture(height=40, width=52):
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(model):
    """The same model on pictures of at most 64 pixels."""
    object.__setattr__(model.config, "short_side", None)
    object.__setattr__(model.config, "long_side", 64)
    return model


@pytest.fixture(scope="module", params=["plain", "two-stage"])
def held(request):
    changes = RECIPE if request.param == "two-stage" else {}
    return hold(small(tiny_detector(**changes)), picture())


@pytest.fixture(scope="module")
def target():
    return Target(query=2, label=3)


# -- by hand -------------------------------------------------------------------------------------


def test_on_a_linear_function_both_methods_equal_coefficient_times_way():
    coefficients = torch.tensor([[2.0, -1.0, 0.5]])
    inputs, baseline = torch.tensor([[1.0, 3.0, -2.0]]), torch.tensor([[0.0, 1.0, 1.0]])
    analytic = coefficients * (inputs - baseline)
    for method in METHODS:
        found, _ = explain(lambda x: (coefficients * x).sum(-1), inputs, baseline, method)
        torch.testing.assert_close(found, analytic, atol=1e-6, rtol=0)


def test_on_a_product_integrated_gradients_share_out_equally():
    """f = x y from (0, 0): the analytic answer is x y / 2 for either."""
    inputs, baseline = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    found, _ = explain(lambda x: x.prod(-1), inputs, baseline, METHODS[0])
    torch.testing.assert_close(found, torch.tensor([[6.0, 6.0]]), atol=1e-4, rtol=0)


def test_other_queries_have_what_the_asked_one_has_not():
    values = np.zeros((3, 2, 1, 2))
    values[0], values[1], values[2, 0] = 0.5, -0.25, 1.0  # magnitudes 2, 1 and 2
    found = Attribution("decoder.0", "sampled values", METHODS[0], values, 1.0, 0.0, 1)
    assert found.other_queries(slice(1, 2)) == pytest.approx(0.8)
    assert found.other_queries(slice(0, 3)) == pytest.approx(0)


def test_a_step_close_to_the_baseline_is_found():
    """tanh(500 x) rises within the first hundredth of the path; equal steps would miss it."""
    inputs, baseline = torch.ones(1, 1), torch.zeros(1, 1)
    found, steps = explain(lambda x: torch.tanh(500 * x).sum(-1), inputs, baseline, METHODS[0])
    assert float(found) == pytest.approx(1.0, abs=0.01)
    assert PIECE_STEPS < steps <= MOST_STEPS


def test_one_linear_attention_layer_attributes_what_each_sample_adds(held, target):
    """For a target that is linear in a layer's output, the value of a sample is its A (v · g)."""
    layer = "decoder.1"
    trace = held.traces[layer]
    from deformviz.attention.reference import sample

    sampled = sample(trace.value, trace.spatial_shapes, trace.sampling_locations)
    direction = torch.randn(
        sampled.shape[3 - 1], sampled.shape[-1], generator=torch.Generator().manual_seed(4)
    )  # [head channel]
    per_sample = torch.einsum("bqmlkc,mc->bqmlk", sampled, direction)
    by_hand = trace.attention_weights * per_sample
    found, steps = explain(
        lambda gates: (gates * trace.attention_weights * per_sample).flatten(1).sum(1),
        torch.ones_like(by_hand),
        torch.zeros_like(by_hand),
        METHODS[0],
    )
    torch.testing.assert_close(found, by_hand, atol=1e-6, rtol=1e-5)
    assert steps == PIECE_STEPS


# -- a model with random weights -----------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_a_held_pass_gives_the_answer_of_the_model_itself(held, target, layer):
    held_answer = Continuation(held, layer).answer(3)
    torch.testing.assert_close(
        held_answer.logits, held.output.logits.expand(3, -1, -1), atol=2e-6, rtol=1e-5
    )
    torch.testing.assert_close(
        held_answer.boxes_cxcywh, held.output.boxes_cxcywh.expand(3, -1, -1), atol=2e-6, rtol=1e-5
    )


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("layer", LAYERS)
def test_integrated_gradients_are_complete_to_one_per_cent(held, target, layer, quantity):
    found = attribute(held, target, layer, quantity)
    assert found.values.shape == tuple(held.traces[layer].attention_weights.shape[1:])
    assert abs(found.difference) > 1e-6
    assert found.completeness_error <= 0.01


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("layer", LAYERS)
def test_they_are_those_of_captum(held, target, layer, quantity):
    """Captum takes 300 steps of the same path; a path may be left once its pieces miss 5 %."""
    way = Continuation(held, layer).way(quantity)
    expected = IntegratedGradients(lambda given: target.of(way.answer(given))).attribute(
        way.inputs, baselines=way.baseline, n_steps=300, internal_batch_size=20
    )
    expected = way.per_sample(expected).detach().double().numpy()
    found = attribute(held, target, layer, quantity)
    assert np.abs(found.values - expected).sum() <= ALL_PIECES * np.abs(expected).sum()


def test_values_are_told_while_they_are_refined(held, target):
    told = []
    found = attribute(held, target, "decoder.0", QUANTITIES[2], on_values=told.append)
    assert found.steps > PIECE_STEPS and told
    assert np.array_equal(told[-1], found.values)
    assert all(values.shape == found.values.shape for values in told)


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_said_at_once_is_what_the_whole_model_says(held, target, layer):
    """Gradients of the score by every gate, with and without the parts that are known."""
    quick, slow = Continuation(held, layer), Continuation(held, layer)
    slow._model = private_copy(held.model)
    slow._module = attention_of(slow._model, layer)
    trace = held.traces[layer]
    gates = (0.5 + 0.5 * trace.attention_weights).detach().requires_grad_()
    formulas = gated(slow._right.normalise_weights)
    (expected,) = torch.autograd.grad(target.of(slow.answer(1, **formulas(gates))).sum(), gates)
    answer = quick.way(QUANTITIES[0]).answer(gates)
    (found,) = torch.autograd.grad(target.of(answer).sum(), gates)
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("side", SIDES)
def test_a_side_of_the_box_can_be_explained(held, side):
    found = attribute(held, Target(2, 3, side), "decoder.0")
    assert found.completeness_error <= 0.01
    corners = held.output.boxes_cxcywh[0, 2]
    centre, size = corners[SIDES.index(side) % 2], corners[2 + SIDES.index(side) % 2]
    sign = -1 if side in ("left", "top") else 1
    assert found.score == pytest.approx(float(centre + sign * size / 2), abs=1e-5)


def test_a_gradient_is_that_of_finite_differences(held, target):
    """d score / d gate of one sample, by the method and by shrinking its weight a little."""
    layer, step = "decoder.1", 1e-2
    model = held.model.double()
    exact = hold(model, picture())
    found = attribute(exact, target, layer, QUANTITIES[0], "gradient x input").values
    place = np.unravel_index(np.abs(found).argmax(), found.shape)
    from deformviz.attention.reference import normalise_weights

    gates = torch.ones(2, *found.shape, dtype=torch.float64)
    gates[(0, *place)] += step
    gates[(1, *place)] -= step
    answer = Continuation(exact, layer).answer(2, **gated(normalise_weights)(gates))
    up, down = target.of(answer).detach()
    assert float(up - down) / (2 * step) == pytest.approx(found[place], rel=1e-3)
    model.float()


def test_the_model_is_left_as_it_was(held, target):
    before = {key: value.clone() for key, value in held.model.state_dict().items()}
    attribute(held, target, "decoder.0")
    assert all(torch.equal(before[key], value) for key, value in held.model.state_dict().items())
    assert all(parameter.grad is None for parameter in held.model.parameters())
    torch.testing.assert_close(hold(held.model, picture()).output.logits, held.output.logits)


def test_progress_is_told_and_can_cancel(held, target):
    heard = []

    def cancel_after_two(done, count):
        heard.append((done, count))
        if len(heard) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        attribute(held, target, "encoder.0", QUANTITIES[2], on_step=cancel_after_two)
    assert heard[0] == (0, MOST_STEPS) and heard[1][0] > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(layer="decoder.9"), "decoder.9"),
        (dict(quantity="pixels"), "quantity is 'pixels'"),
        (dict(method="guess"), "method is 'guess'"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(held, target, changes, message):
    with pytest.raises((KeyError, ValueError), match=message):
        attribute(held, target, **(dict(layer="decoder.0") | changes))


def test_a_side_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="side is 'front'"):
        Target(0, 0, "front")


# -- pixels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", PIXEL_METHODS)
def test_pixels_of_a_detector_are_attributed(held, target, method):
    found = attribute_pixels(detector_question(held, target), method)
    assert found.values.shape == tuple(held.pixels.shape[1:])
    assert np.isfinite(found.values).all() and np.abs(found.values).max() > 0
    if method == "integrated gradients":
        assert found.completeness_error <= 0.01
    else:
        assert found.completeness_error is None


def test_occluding_sees_the_only_pixels_that_count():
    from deformviz.analysis.attribution_pixels import PixelQuestion

    pixels = torch.ones(3, 32, 48)
    question = PixelQuestion(
        pixels, torch.nn.Identity(), lambda x: x[:, :, 8:12, 40:44].sum((1, 2, 3)), ()
    )
    found = attribute_pixels(question, "occlusion").values
    assert found[8:12, 40:44].min() > 0
    assert np.abs(found[:, :24]).max() == 0 and np.abs(found[20:]).max() == 0


def test_a_classifiers_logit_is_attributed_to_pixels():
    from deformviz.models.dat import DAT
    from deformviz.models.dat_presets import dat_scenes

    torch.manual_seed(0)
    model = DAT(dat_scenes(("boat", "cat", "tree"))).eval()
    side = model.config.image_size
    pixels = torch.randn(3, side, side, generator=torch.Generator().manual_seed(1))
    question = classifier_question(model, pixels, label=1)
    found = attribute_pixels(question)
    with torch.no_grad():
        assert found.score == pytest.approx(float(model(pixels[None])[0][0, 1]), abs=1e-4)
    assert found.completeness_error <= 0.01
    assert attribute_pixels(question, "grad-cam").values.shape == (side, side)
