"""Answers of the lesson on reading between pixels, read off the reference formula."""

import torch

from deformviz.attention.reference import sample_level
from deformviz.geometry import to_pixel_index
from deformviz.walkthrough.toy import SHAPES_HW


def _read(value_hw: torch.Tensor, location_xy: list[float]) -> float:
    """What a map holds at one location."""
    value = value_hw[None, :, :, None, None].double()  # [batch height width head channel]
    place = torch.tensor(location_xy, dtype=torch.float64).view(1, 1, 1, 1, 2)
    return float(sample_level(value, place).reshape(-1)[0])


def index_of_the_middle() -> float:
    return float(to_pixel_index(torch.tensor([0.5, 0.5]), (1, 4))[0])


def read_at_the_corner() -> float:
    return _read(torch.ones(3, 4), [0.0, 0.0])


def read_half_a_pixel_outside() -> float:
    return _read(torch.ones(3, 4), [-0.5 / 4, 0.5])


def toy_map() -> torch.Tensor:
    """The first channel of the toy's larger map, whose last column is padding."""
    height, width = SHAPES_HW[0]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.where(columns < width - 1, 10.0 * rows + columns, torch.zeros(()))


def where_one_and_a_half_is_read() -> list[list[float]]:
    """Three places that read 1.5, along the line of all that do."""
    height, places = SHAPES_HW[0][0], []
    for x in (0.5, 0.475, 0.25):
        low, high = 0.5 / height, 1.5 / height  # between the middles of rows 0 and 1
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _read(toy_map(), [x, middle]) < 1.5 else (low, middle)
        places.append([x, (low + high) / 2])
    return places
