"""Statistics of a layer on numbers small enough to be worked out by hand."""

import numpy as np
import pytest
import torch

from deformviz.analysis.offsets import (
    LayerSamples,
    layer_statistics,
    mean_offsets,
    object_of_points,
    offsets_of_locations,
    points_inside,
)
from deformviz.attention.reference import sampling_locations

HEADS, LEVELS, POINTS = 2, 3, 4


def samples(queries=5, seed=0, offsets=None, boxes=None):
    rng = np.random.default_rng(seed)
    shape = (queries, HEADS, LEVELS, POINTS)
    weights = rng.random(shape)
    weights /= weights.sum(axis=(-1, -2), keepdims=True)
    return LayerSamples(
        offsets=rng.normal(size=(*shape, 2)) if offsets is None else offsets,
        locations=rng.uniform(-0.2, 1.2, (*shape, 2)),
        weights=weights,
        boxes_xyxy=np.full((queries, 4), np.nan) if boxes is None else boxes,
    )


def test_a_star_has_no_spread_and_has_not_moved():
    star = np.random.default_rng(1).normal(size=(1, HEADS, LEVELS, POINTS, 2)).repeat(5, axis=0)
    found = layer_statistics(samples(offsets=star), mean_offsets(star))
    np.testing.assert_allclose(found.spread, 0, atol=1e-12)
    np.testing.assert_allclose(found.displacement, 0, atol=1e-12)


def test_spread_and_displacement_by_hand():
    offsets = np.zeros((2, HEADS, LEVELS, POINTS, 2))
    offsets[0, 1, 2] = (3.0, 4.0)  # one query moves all points of head 1 on level 2
    found = layer_statistics(samples(queries=2, offsets=offsets), np.zeros(offsets.shape[1:]))
    assert found.spread[1, 2] == pytest.approx(2.5)  # half of the distance 5
    assert found.displacement[1, 2] == pytest.approx(2.5)  # 5 and 0 on average
    assert found.spread.sum() == pytest.approx(2.5)


def test_even_weights_have_the_entropy_of_all_points():
    given = samples()
    even = LayerSamples(
        given.offsets,
        given.locations,
        np.full_like(given.weights, 1 / (LEVELS * POINTS)),
        given.boxes_xyxy,
    )
    found = layer_statistics(even, mean_offsets(even.offsets))
    np.testing.assert_allclose(found.entropy, np.log(LEVELS * POINTS))
    np.testing.assert_allclose(found.heaviest, 1 / 12)
    np.testing.assert_allclose(found.level_share, 1 / 3)


def test_weight_inside_counts_only_queries_with_an_object():
    boxes = np.array([[0, 0, 0.5, 1.0], [np.nan] * 4])
    locations = np.zeros((2, 1, 1, 2, 2))
    locations[0, 0, 0] = [(0.2, 0.9), (0.6, 0.9)]
    weights = np.array([[[[0.7, 0.3]]], [[[0.5, 0.5]]]])
    given = LayerSamples(np.zeros_like(locations), locations, weights, boxes)
    found = layer_statistics(given, np.zeros((1, 1, 2, 2)))
    assert found.inside_share.tolist() == [0.7]
    assert found.inside_points.tolist() == [0.5]
    assert points_inside(locations, boxes)[1].any() == np.False_


def test_without_any_object_there_is_nothing_to_say():
    found = layer_statistics(samples(), np.zeros((HEADS, LEVELS, POINTS, 2)))
    assert np.isnan(found.inside_share).all()
    assert found.to_lists()["inside_share"] == [None, None]


@pytest.mark.parametrize("width", [2, 4])
def test_offsets_follow_from_locations(width):
    torch.manual_seed(0)
    shapes = [(5, 7), (3, 4), (2, 2)]
    offsets = torch.randn(1, 6, HEADS, LEVELS, POINTS, 2, dtype=torch.float64)
    references = torch.rand(1, 6, LEVELS, width, dtype=torch.float64) + 0.1
    locations = sampling_locations(references, offsets, shapes)
    undone = offsets_of_locations(locations[0].numpy(), references[0].numpy(), shapes)
    np.testing.assert_allclose(undone, offsets[0].numpy(), atol=1e-9)


def test_a_cell_belongs_to_the_smallest_object_around_it():
    boxes = np.array([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.2, 0.3]])
    found = object_of_points(np.array([[0.25, 0.25], [0.8, 0.8], [1.5, 0.5]]), boxes)
    np.testing.assert_allclose(found[0], [0.15, 0.1, 0.35, 0.4])
    np.testing.assert_allclose(found[1], [0.0, 0.0, 1.0, 1.0])
    assert np.isnan(found[2]).all()
