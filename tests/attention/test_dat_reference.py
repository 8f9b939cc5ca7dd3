"""The deformed grid, by arithmetic: a knot is drawn where grid_sample reads.

The map is a ramp: channel 0 holds each pixel's column, channel 1 its row. Reading it between
pixels gives the position that was read, in pixels.
"""

import pytest
import torch

from deformviz.attention.dat import offset_grid_size
from deformviz.attention.dat_bias import table_bias
from deformviz.attention.dat_reference import (
    deform,
    query_grid,
    reference_grid,
    sample_knots,
    scale_offsets,
)
from deformviz.geometry import (
    grid_to_normalised,
    grid_to_normalised_affine,
    normalised_to_grid,
    to_pixel_index,
)

MAP_HW = (4, 6)
GRID_HW = (2, 3)
LIKE = torch.zeros(1, dtype=torch.float64)


def ramp():
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(6.0), indexing="ij")
    return torch.stack([columns, rows])[None].double()


def drawn_px(positions):
    """Pixel indices [.. xy] at which the figures draw knots."""
    return to_pixel_index(grid_to_normalised(positions, MAP_HW), MAP_HW)


def test_an_undeformed_knot_of_v1_is_read_where_it_is_drawn():
    positions = reference_grid(GRID_HW, "v1", LIKE)[None, None]
    read = sample_knots(ramp(), positions)[0].T
    # Knot (row 0, column 0) of 2 x 3: y = 0.5 / 2 * 2 - 1 = -1/2, x = 0.5 / 3 * 2 - 1 = -2/3.
    # Corners are aligned, so pixels run (y + 1) / 2 * 3 = 0.75 down, (x + 1) / 2 * 5 = 0.8333
    # right; the middle of that cell would be pixel 0.5 of rows and columns: v1 draws inwards.
    assert positions[0, 0, 0].tolist() == pytest.approx([-1 / 2, -2 / 3])
    assert read[0].tolist() == pytest.approx([5 / 6, 3 / 4])
    assert drawn_px(positions)[0, 0, 0].tolist() == pytest.approx([5 / 6, 3 / 4])
    torch.testing.assert_close(drawn_px(positions)[0, 0], read)


def test_an_undeformed_knot_of_plus_plus_is_read_where_it_is_drawn():
    positions = deform(reference_grid(GRID_HW, "++", LIKE)[None, None], LIKE, -1, "++")
    read = sample_knots(ramp(), positions)[0].T
    # y = 0.5 / 1 * 2 - 1 = 0 and 1.5 / 1 * 2 - 1 = 2, clamped to 1: rows 1.5 and 3.
    # x = 0.5 / 2 * 2 - 1 = -1/2, 1/2 and 3/2, clamped to 1: columns 1.25, 3.75 and 5.
    expected = [[column, row] for row in (1.5, 3.0) for column in (1.25, 3.75, 5.0)]
    assert [point.tolist() for point in read] == [pytest.approx(point) for point in expected]
    torch.testing.assert_close(drawn_px(positions)[0, 0], read)


@pytest.mark.parametrize(
    ("version", "factor", "expected_xy"),
    [
        # v1 bounds by s / H_k: dy = tanh(0.5) * 2 / 2, dx = tanh(-0.25) * 2 / 3.
        ("v1", 2.0, (-2 / 3 + 0.2449186624 * -2 / 3, -1 / 2 + 0.4621171573)),
        # "++" without bound adds the offset as it is, to a grid that starts half a cell later.
        ("++", -1.0, (-1 / 2 - 0.25, 0.0 + 0.5)),
        # "++" with one: dy = tanh(0.5) * 0.5 / 1, dx = tanh(-0.25) * 0.5 / 2.
        ("++", 0.5, (-1 / 2 + 0.2449186624 * -0.25, 0.0 + 0.4621171573 * 0.5)),
    ],
)
def test_a_deformed_knot_is_read_where_it_is_drawn(version, factor, expected_xy):
    raw = torch.zeros(1, 1, 6, 2, dtype=torch.float64)
    raw[0, 0, 0] = torch.tensor([0.5, -0.25])  # (dy, dx)
    offsets = scale_offsets(raw, GRID_HW, factor, version)
    positions = deform(reference_grid(GRID_HW, version, LIKE)[None, None], offsets, factor, version)
    x, y = expected_xy
    expected_px = [(x + 1) / 2 * 5, (y + 1) / 2 * 3]
    assert drawn_px(positions)[0, 0, 0].tolist() == pytest.approx(expected_px)
    assert sample_knots(ramp(), positions)[0, :, 0].tolist() == pytest.approx(expected_px)


def test_beyond_the_outermost_pixels_zeros_are_mixed_in():
    # x = 1.1 lies (1.1 + 1) / 2 * 5 = 5.25 columns right: 3/4 of column 5, 1/4 of nothing.
    positions = torch.tensor([[[[0.0, 1.1]]]], dtype=torch.float64)
    assert sample_knots(torch.ones(1, 1, 4, 6).double(), positions).item() == pytest.approx(0.75)
    assert drawn_px(positions)[0, 0, 0].tolist() == pytest.approx([5.25, 1.5])


def test_queries_of_plus_plus_are_pixel_centres_and_those_of_v1_are_not():
    plus = drawn_px(query_grid(MAP_HW, "++", LIKE))
    assert plus[7].tolist() == pytest.approx([1.0, 1.0])
    first = drawn_px(query_grid(MAP_HW, "v1", LIKE))[0]
    assert first.tolist() == pytest.approx([0.5 / 6 * 5, 0.5 / 4 * 3])


def test_the_bias_reads_the_entry_of_a_whole_displacement():
    # On a 2 x 3 map, "++": from pixel (1, 0) to pixel (0, 2) is one row down, two columns left.
    table = torch.arange(15.0, dtype=torch.float64).view(1, 3, 5)
    pixels = query_grid((2, 3), "++", LIKE)
    displacement = (pixels[3] - pixels[2]).view(1, 1, 1, 1, 2)
    assert table_bias(table, displacement).item() == pytest.approx(table[0, 2, 0].item())


def test_the_frame_change_is_affine_and_can_be_undone():
    grid_yx = torch.tensor([[-1.0, 0.25], [0.5, 1.5]], dtype=torch.float64)
    for align_corners in (True, False):
        points = grid_to_normalised(grid_yx, (3, 7), align_corners=align_corners)
        affine = grid_to_normalised_affine((3, 7), align_corners=align_corners)
        torch.testing.assert_close(points, affine(grid_yx.flip(-1)))
        back = normalised_to_grid(points, (3, 7), align_corners=align_corners)
        torch.testing.assert_close(back, grid_yx)


def test_the_number_of_knots_is_that_of_the_convolution():
    assert offset_grid_size((12, 16), 7, 4, "++") == (3, 4)
    assert offset_grid_size((12, 16), 4, 4, "++") == (3, 4)
    assert offset_grid_size((8, 12), 7, 2, "v1") == (4, 6)
