"""Answers of the lesson on DAT++, from the published configurations."""

import torch

from deformviz.attention.dat import DATAttention
from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.attention.neighborhood import neighbor_pixels
from deformviz.models.dat_presets import PUBLISHED

SIDE = 224


def _keys(preset: str, stage: int) -> int:
    """Keys of a deformable layer: the map's side over the stride, squared."""
    side = SIDE // 4 // 2**stage
    return (side // PUBLISHED[preset].stages[stage].stride) ** 2


def deformable_layers_of_dat_plus_plus() -> int:
    """1 if every stage has one, 0 if the last alone, 2 if the first two."""
    with_one = ["D" in stage.blocks for stage in PUBLISHED["dat_pp_tiny"].stages]
    return {(True,) * 4: 1, (False, False, False, True): 0}.get(tuple(with_one), 2)


def keys_of_a_stage() -> int:
    (keys,) = {_keys("dat_pp_tiny", stage) for stage in range(4)}
    return keys


def keys_of_the_first_version() -> int:
    return _keys("dat_tiny", 2)


def neighbours() -> int:
    """Keys of a pixel in the corner of a 9 x 11 map, with a kernel of 7."""
    return len(set(neighbor_pixels((9, 11), kernel=7)[0].tolist()))


def shape_of_the_continuous_bias() -> int:
    """The choice that names its shape, as the module records it of a map of 64 x 64."""
    with torch.device("meta"):  # shapes, without the work
        layer = LucidrainsAttention(16, heads=8, head_channels=2, stride=4, offset_kernel=6)
        _, trace = layer(torch.empty(1, 16, 64, 64))
    table = DATAttention(16, 8, 1, (64, 64), version="v1").bias_surface()
    assert table is not None and trace.position_bias is not None
    said = [list(table.shape), [1, 8, 256, 4096], [1, 8, 4096, 256], [1, 4096, 4096]]
    return said.index(list(trace.position_bias.shape))
