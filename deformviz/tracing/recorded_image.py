"""What a recording knows of each picture of its batch beside the traces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deformviz.schema import Detections, ImageFrame


@dataclass(frozen=True)
class RecordedImage:
    """One picture: its sizes on the way into the model, and what the model found in it."""

    frame: ImageFrame
    picture: np.ndarray | None = None  # HWC uint8 RGB, upright, of `frame.original_hw` or smaller
    detections: Detections | None = None
    logits: Any = None  # of a classifier: [class]
    title: str = ""

    def with_picture(self, source: Any, *, title: str = "") -> RecordedImage:
        """The same with its picture; of a plain batch the picture was resized to fill it.

        Raises PictureError if it cannot be read.
        """
        from deformviz.tracing.pictures import read_picture

        picture = read_picture(source)
        frame = replace(self.frame, original_hw=tuple(picture.shape[:2]))
        return replace(self, picture=picture, frame=frame, title=title or self.title)


def plain_frame(input_hw: tuple[int, int]) -> ImageFrame:
    """The frame of a batch of which only the size is known: nothing resized, nothing padded."""
    return ImageFrame(input_hw, input_hw, input_hw)
