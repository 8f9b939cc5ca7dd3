"""Frames: every change of coordinates, on sizes that all differ."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deformviz.geometry import (
    Affine,
    cell_centres,
    cxcywh_to_xyxy,
    from_pixel_index,
    grid_to_normalised,
    level_starts,
    normalised_to_original,
    normalised_to_pixels,
    resized_to_original,
    scale_boxes,
    shapes_list,
    to_pixel_index,
    valid_to_padded,
    xyxy_to_cxcywh,
)
from deformviz.schema import ImageFrame

sides = st.integers(1, 3000)
sizes = st.tuples(sides, sides)
shares = st.floats(-1.5, 2.5)
points = st.tuples(shares, shares)


@st.composite
def frames(draw):
    original, resized = draw(sizes), draw(sizes)
    padding = draw(st.tuples(st.integers(0, 300), st.integers(0, 300)))
    padded = tuple(r + p for r, p in zip(resized, padding, strict=True))
    return ImageFrame(original, resized, padded)


def test_corner_of_a_wide_image():
    corner = to_pixel_index(torch.tensor([1.0, 1.0]), size_hw=(4, 8))
    assert corner.tolist() == [7.5, 3.5]


def test_pixel_centres_are_whole_numbers():
    centres = to_pixel_index(cell_centres((3, 5)), (3, 5))
    expected = np.array([[x, y] for y in range(3) for x in range(5)])
    np.testing.assert_allclose(centres, expected, atol=1e-12)


@given(points, sizes)
def test_pixel_index_and_back(point, size_hw):
    array = np.array(point)
    np.testing.assert_allclose(
        from_pixel_index(to_pixel_index(array, size_hw), size_hw), array, atol=1e-9
    )


@given(points, sizes)
def test_coefficients_say_the_same_as_the_function(point, size_hw):
    array = np.array([point])
    np.testing.assert_allclose(
        normalised_to_pixels(size_hw)(array), to_pixel_index(array, size_hw), atol=1e-9
    )


@given(points, frames())
def test_an_affine_and_its_inverse_cancel(point, frame):
    change, array = normalised_to_original(frame), np.array(point)
    np.testing.assert_allclose(change.inverse()(change(array)), array, atol=1e-9)


@given(frames())
def test_the_corners_of_the_real_picture_stay_its_corners(frame):
    ends = valid_to_padded(frame)(np.array([[0.0, 0.0], [1.0, 1.0]]))
    on_picture = normalised_to_original(frame)(ends)
    height, width = frame.original_hw
    np.testing.assert_allclose(on_picture, [[-0.5, -0.5], [width - 0.5, height - 0.5]], atol=1e-6)


def test_a_point_of_a_padded_picture_by_hand():
    # A 6x10 picture is shown to the model as 3x5 inside 4x8. Half of 8 columns is column 4 from
    # the outer edge, 8 columns of the original from its edge: pixel index 7.5.
    frame = ImageFrame(original_hw=(6, 10), resized_hw=(3, 5), padded_hw=(4, 8))
    np.testing.assert_allclose(normalised_to_original(frame)(np.array([0.5, 0.5])), [7.5, 3.5])


def test_resizing_keeps_the_centre_of_a_pixel_half_a_pixel_off():
    frame = ImageFrame((6, 10), (3, 5), (3, 5))
    np.testing.assert_allclose(resized_to_original(frame)(np.array([0.0, 0.0])), [0.5, 0.5])


@given(st.lists(st.floats(0.01, 5), min_size=4, max_size=4))
def test_boxes_change_form_and_back(box):
    array = np.array(box)
    np.testing.assert_allclose(xyxy_to_cxcywh(cxcywh_to_xyxy(array)), array, atol=1e-9)


def test_the_box_of_a_whole_picture():
    whole = scale_boxes(cxcywh_to_xyxy(torch.tensor([0.5, 0.5, 1.0, 1.0])), (3, 7))
    assert whole.tolist() == [0, 0, 7, 3]


def test_levels_start_where_the_one_before_ends():
    shapes = [(76, 106), (38, 53), (19, 27), (10, 14)]
    assert level_starts(torch.tensor(shapes)) == [0, 8056, 10070, 10583]
    assert shapes_list(np.array(shapes)) == shapes


@given(points, st.tuples(*[st.floats(0.1, 9) for _ in range(4)]))
def test_then_applies_the_first_change_first(point, numbers):
    first, second = Affine(*numbers), Affine(*reversed(numbers))
    array = np.array(point)
    np.testing.assert_allclose(first.then(second)(array), second(first(array)), rtol=1e-9)


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_the_kind_of_array_is_kept(make):
    assert type(to_pixel_index(make([[0.5, 0.5]]), (3, 4))) is type(make([0.0]))


def test_grid_coordinates_of_a_map_that_is_not_square():
    """On 3 rows of 5: with aligned corners 1 is the last pixel's centre, without the map's edge."""
    top_right = np.array([-1.0, 1.0])  # y, x
    np.testing.assert_allclose(grid_to_normalised(top_right, (3, 5)), [4.5 / 5, 0.5 / 3])
    edges = grid_to_normalised(top_right, (3, 5), align_corners=False)
    np.testing.assert_allclose(edges, [1, 0])
