"""What a deformable attention module promises whatever its weights."""

import pytest
import torch

from deformviz.attention.deformable import DeformableAttention, MultiScaleDeformableAttention
from deformviz.attention.reference import (
    bilinear_corners,
    locations_from_boxes,
    locations_from_points,
    sample,
    star_offsets,
)
from deformviz.axes import ShapeError

SHAPES = [(3, 5), (2, 4)]
PIXELS = 23


def random_module(**options):
    torch.manual_seed(5)
    module = MultiScaleDeformableAttention(12, heads=3, levels=2, points=4, **options).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def random_call(last=2, batch=2, queries=7):
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.rand(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(batch, queries, 12), draw(batch, queries, 2, last), draw(batch, PIXELS, 12)


def test_weights_sum_to_one_over_levels_and_points_together():
    _, trace = random_module()(*random_call(), SHAPES)
    weights = trace.attention_weights
    torch.testing.assert_close(weights.sum((-1, -2)), torch.ones(2, 7, 3, dtype=torch.float64))
    assert (weights.sum(-1) < 1).all()


def test_at_the_start_every_query_has_the_same_star_and_uniform_weights():
    module = MultiScaleDeformableAttention(12, heads=3, levels=2, points=4).double()
    _, trace = module(*random_call(), SHAPES)
    star = star_offsets(3, 2, 4).double()
    torch.testing.assert_close(trace.sampling_offsets, star.expand(2, 7, -1, -1, -1, -1))
    assert torch.linalg.matrix_rank(star[1, 0]) == 1
    torch.testing.assert_close(
        trace.attention_weights, torch.full_like(trace.attention_weights, 1 / 8)
    )


def test_eight_heads_start_along_eight_compass_rays_with_y_down():
    rays = star_offsets(8, 1, 2)[:, 0, 0].round(decimals=5).tolist()
    assert rays == [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]]


def test_an_offset_of_one_moves_a_point_by_one_column_or_row_of_its_level():
    reference = torch.full((1, 1, 2, 2), 0.5)
    offsets = torch.zeros(1, 1, 1, 2, 1, 2)
    offsets[..., 0] = 1
    moved = locations_from_points(reference, offsets, SHAPES)[0, 0, 0, :, 0]
    torch.testing.assert_close(moved, torch.tensor([[0.5 + 1 / 5, 0.5], [0.5 + 1 / 4, 0.5]]))


def test_with_boxes_point_k_reaches_k_of_K_of_the_half_size_on_every_level():
    box = torch.tensor([0.5, 0.4, 0.2, 0.6]).expand(1, 1, 2, 4)
    offsets = star_offsets(8, 2, 4)[None, None]
    locations = locations_from_boxes(box, offsets)[0, 0]
    torch.testing.assert_close(locations[1, 0, 3], torch.tensor([0.6, 0.7]))
    torch.testing.assert_close(locations[1, 0, 1], torch.tensor([0.55, 0.55]))
    torch.testing.assert_close(locations[:, 0], locations[:, 1])


def test_padding_is_worth_nothing_and_keeps_the_bias_out():
    module, (query, references, pixels) = random_module(), random_call()
    mask = torch.zeros(2, PIXELS, dtype=torch.bool)
    mask[:, ::2] = True
    plain, trace = module(query, references, pixels, SHAPES, mask)
    assert (trace.value[:, ::2] == 0).all() and (trace.value[:, 1::2] != 0).all()
    noisy, _ = module(query, references, pixels + 9 * mask[..., None], SHAPES, mask)
    torch.testing.assert_close(plain, noisy)


def test_pixel_centres_read_back_the_map():
    value = torch.arange(15.0).reshape(1, 15, 1, 1)
    y, x = torch.meshgrid((torch.arange(3) + 0.5) / 3, (torch.arange(5) + 0.5) / 5, indexing="ij")
    locations = torch.stack([x, y], -1).reshape(1, 15, 1, 1, 1, 2)
    torch.testing.assert_close(sample(value, [(3, 5)], locations).flatten(), value.flatten())


@pytest.mark.parametrize("pixel, share", [(-0.99, 0.01), (-1.01, 0.0), (4.25, 0.75), (5.0, 0.0)])
def test_up_to_one_pixel_outside_a_point_still_counts_in_part(pixel, share):
    location = torch.tensor([(pixel + 0.5) / 5, 0.5], dtype=torch.float64)
    value = torch.ones(1, 15, 1, 1, dtype=torch.float64)
    sampled = sample(value, [(3, 5)], location.reshape(1, 1, 1, 1, 1, 2))
    assert sampled.item() == pytest.approx(share, abs=1e-9)
    assert bilinear_corners(location, (3, 5))[1].sum().item() == pytest.approx(share, abs=1e-9)


def test_corners_and_their_weights_rebuild_the_sample():
    generator = torch.Generator().manual_seed(2)
    locations = torch.rand(40, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3
    value = torch.rand(3, 5, generator=generator, dtype=torch.float64)
    cells, share = bilinear_corners(locations, (3, 5))
    x, y = cells[..., 0].clamp(0, 4), cells[..., 1].clamp(0, 2)
    by_hand = (value[y, x] * share).sum(-1)
    sampled = sample(value.reshape(1, 15, 1, 1), [(3, 5)], locations.reshape(1, 40, 1, 1, 1, 2))
    torch.testing.assert_close(sampled.flatten(), by_hand)


def test_one_level_is_the_single_scale_module():
    torch.manual_seed(3)
    single = DeformableAttention(12, heads=3, points=4).double()
    query, references, pixels = random_call()
    mapped, _ = single(query, references[:, :, 0], pixels[:, :15].unflatten(1, (3, 5)))
    multi = MultiScaleDeformableAttention(12, heads=3, levels=1, points=4).double()
    multi.load_state_dict(single.state_dict())
    flat, _ = multi(query, references[:, :, :1], pixels[:, :15], [(3, 5)])
    torch.testing.assert_close(mapped, flat)


@pytest.mark.parametrize(
    "broken, message",
    [
        (dict(spatial_shapes=[(3, 5)]), "1 levels"),
        (dict(spatial_shapes=[(3, 5), (2, 5)]), "25 pixels"),
        (dict(references=torch.zeros(2, 7, 2, 3)), "references has 3 on axis 'cxcywh'"),
        (dict(query=torch.zeros(2, 7, 11)), "query has 11 on axis 'channel', expected 12"),
        (dict(padding_mask=torch.zeros(2, 9, dtype=torch.bool)), "padding_mask has 9"),
    ],
)
def test_wrong_shapes_are_named(broken, message):
    query, references, pixels = random_call()
    call = dict(query=query, references=references, value_input=pixels, spatial_shapes=SHAPES)
    with pytest.raises(ShapeError, match=message):
        random_module()(**(call | broken))


@pytest.mark.parametrize("start, spread", [("zero", 0), ("random", 1)])
def test_other_starts_are_named_options(start, spread):
    torch.manual_seed(0)
    bias = MultiScaleDeformableAttention(12, 3, 2, 4, offset_start=start).sampling_offsets.bias
    assert bool(bias.std() > 0) == bool(spread)
    with pytest.raises(ValueError, match="offset_start must be one of"):
        MultiScaleDeformableAttention(12, 3, 2, 4, offset_start="circle")
