"""Each mistake changes what its text says, on a private copy; the model stays right."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F

from deformviz.attention.reference import aggregate, merge_heads, split_levels
from deformviz.walkthrough.breaking import broken, broken_layer
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.multi_scale import multi_scale
from deformviz.walkthrough.observe import observe
from deformviz.walkthrough.toy import toy_inputs, toy_module


def toy_with(mistake):
    """The toy, making a mistake."""
    return broken_layer(toy_module(), MISTAKES[mistake])


def answer(module):
    inputs = toy_inputs()
    output, trace = module(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    return output.detach(), trace.map(torch.Tensor.detach)


def with_grid_sample(**options):
    """The toy's answer with grid_sample itself set the wrong way."""
    _, trace = answer(toy_module())
    levels = []
    for level, value in enumerate(split_levels(trace.value, trace.spatial_shapes)):
        maps = value.movedim((3, 4), (1, 2)).flatten(0, 1)
        grid = 2 * trace.sampling_locations[:, :, :, level].movedim(2, 1).flatten(0, 1) - 1
        read = F.grid_sample(maps, grid, mode="bilinear", **options)
        levels.append(read.unflatten(0, (1, 2)).movedim(1, 3).movedim(1, -1))
    sampled = torch.stack(levels, dim=3)
    return toy_module().output_proj(merge_heads(aggregate(sampled, trace.attention_weights)))


@pytest.mark.parametrize(
    ("mistake", "options"),
    [
        ("align_corners", {"align_corners": True, "padding_mode": "zeros"}),
        ("border_padding", {"align_corners": False, "padding_mode": "border"}),
    ],
    ids=["align_corners=True", "border padding"],
)
def test_wrong_options_of_grid_sample_are_imitated_exactly(mistake, options):
    wrong, _ = answer(toy_with(mistake))
    assert torch.allclose(wrong, with_grid_sample(**options), atol=1e-12)
    assert not torch.allclose(wrong, answer(toy_module())[0])


def test_the_imitation_itself_is_right_with_the_right_options():
    right = with_grid_sample(align_corners=False, padding_mode="zeros")
    assert torch.allclose(right, answer(toy_module())[0], atol=1e-12)


def test_height_and_width_swapped_stretch_offsets_of_a_wide_map():
    _, right = answer(toy_module())
    _, wrong = answer(toy_with("swap_hw"))
    shift = right.sampling_locations - right.reference_points[:, :, None, :, None]
    swapped = wrong.sampling_locations - wrong.reference_points[:, :, None, :, None]
    # Level 0 is 3 high and 4 wide: x offsets become 4/3 as long, y offsets 3/4; level 1 is square.
    factor = torch.tensor([[4 / 3, 3 / 4], [1.0, 1.0]], dtype=torch.float64)[:, None]
    assert torch.allclose(swapped, shift * factor, atol=1e-12)


def test_without_the_half_everything_is_read_half_a_pixel_further():
    _, right = answer(toy_module())
    _, wrong = answer(toy_with("forget_half"))
    size = torch.tensor([[4.0, 3.0], [2.0, 2.0]], dtype=torch.float64)[:, None]
    moved = (wrong.sampling_locations - right.sampling_locations) * size
    assert torch.allclose(moved, torch.full_like(moved, 0.5))


def test_a_softmax_per_level_gives_every_head_the_weight_of_all_levels():
    toy = toy_with("softmax_over_points")
    derivation = multi_scale(toy, toy_inputs(), 0)
    assert derivation["attention_weights"].value.sum((1, 2)).tolist() == pytest.approx([2.0, 2.0])
    assert not derivation.holds
    assert derivation.difference < 1e-12
    assert "softmax(-1)" in derivation["attention_weights"].code


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_changes_the_answer_of_the_shipped_model_where_it_should(
    name, shipped, shipped_seen
):
    image = shipped_seen.images[0]
    images = [image]
    if MISTAKES[name].needs_padding:  # nothing to see without any
        assert_same(
            observe(broken(shipped, MISTAKES[name]), images), shipped_seen
        )  # nothing to see here
        images.append(image.new_zeros(3, image.shape[1] + 40, image.shape[2] + 96))
    right, wrong = observe(shipped, images), observe(broken(shipped, MISTAKES[name]), images)
    change = (right.output.logits[0] - wrong.output.logits[0]).abs().max()
    assert change > 0.1
    assert_same(observe(shipped, images), right)


def assert_same(one, other):
    assert torch.equal(one.output.logits, other.output.logits)


def test_a_copy_of_a_broken_model_runs_its_own_layers(shipped, shipped_seen):
    for name in MISTAKES:
        seen = observe(broken(shipped, MISTAKES[name]), shipped_seen.images)
        assert list(seen.attention) == list(shipped_seen.attention), name


def test_two_sessions_can_break_different_things_at_once(shipped, shipped_seen):
    image = shipped_seen.images[0]
    wishes = ["swap_xy", "forget_half", None, "swap_xy", None, "forget_half"]
    with ThreadPoolExecutor(3) as pool:
        found = list(
            pool.map(
                lambda name: observe(broken(shipped, MISTAKES[name]) if name else shipped, [image]),
                wishes,
            )
        )
    for first, second in ((0, 3), (1, 5), (2, 4)):
        assert_same(found[first], found[second])
    assert_same(found[2], shipped_seen)
