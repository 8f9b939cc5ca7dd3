"""Where a place of the model's frame lies on a stage, by `geometry` and the three sizes alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deformviz.geometry import normalised_to_original
from deformviz.schema import ImageFrame


@dataclass(frozen=True)
class Window:
    """The part of the padded picture that a stage, or one of its panels, shows."""

    frame: ImageFrame
    width: float  # of the stage, CSS pixels
    height: float
    padding: bool = False
    zoom: int = 1
    centre: tuple[float, float] | None = None  # normalised
    left: float = 0.0  # where a panel begins on its stage
    top: float = 0.0

    @property
    def extent_xy(self) -> np.ndarray:
        """Normalised size of what is there to be shown: the picture, or all that was padded."""
        (height, width), (padded_height, padded_width) = (
            self.frame.resized_hw,
            self.frame.padded_hw,
        )
        return (
            np.ones(2) if self.padding else np.array([width / padded_width, height / padded_height])
        )

    @property
    def first_xy(self) -> np.ndarray:
        """Normalised upper left corner of what is shown; the window stays inside the extent."""
        extent = self.extent_xy
        middle = extent / 2 if self.centre is None else np.array(self.centre)
        return np.clip(middle - extent / self.zoom / 2, 0, extent - extent / self.zoom)

    @property
    def px_per_unit(self) -> np.ndarray:
        """Stage pixels of one normalised unit, x and y."""
        return np.array([self.width, self.height]) * self.zoom / self.extent_xy

    def place(self, points_xy) -> np.ndarray:
        """Normalised [.. xy] to stage pixels."""
        away = (np.asarray(points_xy, np.float64) - self.first_xy) * self.px_per_unit
        return away + [self.left, self.top]

    def normalised(self, stage_xy) -> np.ndarray:
        """Stage pixels [.. xy] to normalised."""
        away = np.asarray(stage_xy, np.float64) - [self.left, self.top]
        return away / self.px_per_unit + self.first_xy

    def original(self, stage_xy) -> np.ndarray:
        """Stage pixels [.. xy] to pixel indices of the original picture."""
        return normalised_to_original(self.frame)(self.normalised(stage_xy))

    def box(self, box_xyxy) -> dict[str, float]:
        """Normalised corners as a rect of the stage."""
        (left, top), (right, bottom) = self.place(np.asarray(box_xyxy, np.float64).reshape(2, 2))
        return {"x": left, "y": top, "width": right - left, "height": bottom - top}

    def original_box(self, edges_xyxy) -> dict[str, float]:
        """Edges in pixels of the original picture, outer corner 0, as a rect of the stage."""
        height, width = self.frame.original_hw
        picture = np.array(self.frame.resized_hw) / self.frame.padded_hw  # the valid share, y first
        shares = np.asarray(edges_xyxy, np.float64).reshape(2, 2) / [width, height] * picture[::-1]
        return self.box(shares.reshape(4))

    def holds(self, stage_xy) -> bool:
        """Whether a place of the stage is on it."""
        x, y = stage_xy
        return 0 <= x <= self.width and 0 <= y <= self.height
