"""Numbers behind the charts, on cases one can do in the head."""

import numpy as np
import pytest

from deformviz.analysis.sampling import (
    effective_points,
    level_share,
    mean_offset,
    outside_share,
    query_sampling,
)

SHAPES = [(4, 6), (2, 3)]  # (H, W), all different
QUERIES, HEADS, POINTS = 5, 3, 2


def layer(rng):
    references = rng.uniform(0.2, 0.8, (QUERIES, len(SHAPES), 2))
    offsets = rng.normal(0, 1, (QUERIES, HEADS, len(SHAPES), POINTS, 2))
    size_xy = np.array([(w, h) for h, w in SHAPES])
    locations = references[:, None, :, None] + offsets / size_xy[:, None]
    weights = rng.uniform(size=(QUERIES, HEADS, len(SHAPES), POINTS))
    weights /= weights.sum((-1, -2), keepdims=True)
    return locations, weights, references, offsets


def test_offsets_come_back_in_pixels_of_their_own_level():
    locations, weights, references, offsets = layer(np.random.default_rng(1))
    sampling = query_sampling(locations, weights, references, SHAPES, query=3)
    assert np.allclose(sampling.offsets_px, offsets[3])
    assert np.array_equal(sampling.weights, weights[3])


def test_of_a_reference_box_the_centre_counts():
    locations, weights, references, offsets = layer(np.random.default_rng(2))
    boxes = np.concatenate([references, np.full_like(references, 0.3)], axis=-1)
    sampling = query_sampling(locations, weights, boxes, SHAPES, query=0)
    assert np.allclose(sampling.offsets_px, offsets[0])


def test_a_missing_query_is_named():
    locations, weights, references, _ = layer(np.random.default_rng(3))
    with pytest.raises(IndexError, match="no query 5; this layer has 0 to 4"):
        query_sampling(locations, weights, references, SHAPES, query=5)


def test_level_shares_sum_to_one():
    weights = np.array([[[0.5, 0.25], [0.25, 0.0]]])  # one head, two levels, two points
    assert level_share(weights).tolist() == [[0.75, 0.25]]


def test_effective_points_run_from_one_to_all():
    one = np.zeros((1, 2, 2))
    one[0, 1, 0] = 1
    assert effective_points(one) == pytest.approx([1.0])
    assert effective_points(np.full((1, 2, 2), 0.25)) == pytest.approx([4.0])
    half = np.array([[[0.5, 0.5], [0.0, 0.0]]])
    assert effective_points(half) == pytest.approx([2.0])


def test_outside_share_counts_weight_not_points():
    locations = np.array([[[[0.5, 0.5], [1.2, 0.5]], [[0.5, -0.1], [0.0, 1.0]]]])
    weights = np.array([[[0.4, 0.25], [0.05, 0.3]]])
    assert outside_share(locations, weights) == pytest.approx([0.3])  # of two points of four


def test_mean_offset_follows_the_weight():
    offsets = np.array([[[[4.0, 0.0], [0.0, 2.0]]]])
    weights = np.array([[[0.75, 0.25]]])
    assert mean_offset(offsets, weights).tolist() == [[3.0, 0.5]]
