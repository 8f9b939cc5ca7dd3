"""What a DAT stores beside its weights, though it follows from the configuration alone."""

import math

from torch import Tensor

from deformviz.attention.window import relative_position_index, shift_mask
from deformviz.models.dat_config import DATConfig

WINDOWED = "LS"
SHIFTED = "S"


def computed_buffers(config: DATConfig) -> dict[str, Tensor]:
    """Indices and masks of the window attentions, by their keys in the checkpoints."""
    buffers = {}
    for index, stage in enumerate(config.stages):
        window = stage.window, stage.window
        for block, letter in enumerate(stage.blocks):
            name = f"stages.{index}.attns.{block}"
            if letter in WINDOWED:
                buffers[f"{name}.relative_position_index"] = relative_position_index(window)
            if letter in SHIFTED:
                shift = math.ceil(stage.window / 2)
                buffers[f"{name}.attn_mask"] = shift_mask(config.map_hw(index), window, shift)
    return buffers
