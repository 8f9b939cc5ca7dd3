"""What one query of one picture may attend to under five kinds of attention, and what it costs.

Dense attention, shifted windows and a deformable convolution are given a map of the picture; the
detector and the DAT look at it with their trained weights. All places come out in one frame:
shares of the original picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from deformviz.analysis.cost import BILINEAR
from deformviz.analysis.multiply_adds import count_multiply_adds
from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.deformable_conv import DeformableConv
from deformviz.attention.dense import SelfAttention
from deformviz.geometry import (
    cell_centres,
    from_pixel_index,
    grid_to_normalised,
    level_starts,
    normalised_to_original,
    shapes_list,
)
from deformviz.models.dat import DAT
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.swin import SwinBlock
from deformviz.schema import ImageFrame
from deformviz.tracing.proven import Proof
from deformviz.tracing.run import run

MAP_HW = (12, 12)  # queries: one for each cell of this map of the picture
CHANNELS, HEADS, WINDOW, SHIFT, KERNEL = 64, 4, 4, 2, 3
LEVELS, POINTS = 4, 4  # of deformable attention, as the detector has them
COST_SIDES = (12, 48)  # maps on which costs are counted
NEVER = 1e-12  # attention below it is a mask's doing
SEED = 7
OFFSET_SPREAD = 0.35  # of the untrained offset network, so that taps move about a cell


@dataclass(frozen=True)
class KeySet:
    """The places each query may read under one kind of attention."""

    name: str
    title: str
    places_xy: np.ndarray  # [query key xy], shares of the picture; NaN where a query has fewer
    weights: np.ndarray | None  # [query key], sum 1 per head; None where they are not trained
    heads: np.ndarray  # [key], the head that reads it; 0 where all read alike
    per_head: int  # keys of one query and head
    cost: tuple[int, ...]  # multiply-adds per query, for each of COST_SIDES
    honesty: str  # whose weights decide
    proof: Proof | None = None  # of the trained layer that was read


def key_sets(picture: np.ndarray, detector: DeformableDETR, dat: DAT) -> list[KeySet]:
    """All five on one picture (HWC uint8 RGB), in the order of the literature."""
    return [
        _dense(),
        _windows(),
        _convolution(picture),
        _detector(picture, detector),
        _dat(picture, dat),
    ]


def _features(picture: np.ndarray) -> Tensor:
    """The picture as a map of MAP_HW with CHANNELS, mixed by fixed random numbers."""
    height, width = MAP_HW
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    mix = torch.randn(3, CHANNELS, generator=torch.Generator().manual_seed(SEED))
    return ((torch.from_numpy(small).float() / 127.5 - 1) @ mix).permute(2, 0, 1)[None]


def _dense() -> KeySet:
    cells = cell_centres(MAP_HW)
    places = np.broadcast_to(cells, (len(cells), *cells.shape))
    return KeySet(
        "dense",
        "Dense (ViT)",
        places,
        None,
        np.zeros(len(cells), int),
        len(cells),
        _costs(_dense_call),
        "every cell, whatever the weights",
    )


def _windows() -> KeySet:
    block = SwinBlock(CHANNELS, HEADS, MAP_HW, window=WINDOW, shift=SHIFT).eval()
    with torch.inference_mode():
        _, trace = block(torch.zeros(1, MAP_HW[0] * MAP_HW[1], CHANNELS))
    allowed = (trace.attention_weights[0] > NEVER).any(0).numpy()
    places = cell_centres(MAP_HW)[trace.keys[0].numpy()]
    places = np.where(allowed[..., None], places, np.nan)
    return KeySet(
        "windows",
        "Shifted windows (Swin)",
        places,
        None,
        np.zeros(places.shape[1], int),
        places.shape[1],
        _costs(_window_call),
        "cells of the query's window, whatever the weights",
    )


def _convolution(picture: np.ndarray) -> KeySet:
    layer = DeformableConv(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2)
    nn.init.normal_(
        layer.conv_offset.weight,
        std=OFFSET_SPREAD / (CHANNELS * KERNEL**2) ** 0.5,
        generator=torch.Generator().manual_seed(SEED),
    )
    with torch.inference_mode():
        _, trace = layer(_features(picture))
    places = from_pixel_index(trace.positions_px[0, 0].flip(-1).double().numpy(), MAP_HW)
    return KeySet(
        "convolution",
        "Deformable convolution (DCNv2)",
        places,
        None,
        np.zeros(KERNEL**2, int),
        KERNEL**2,
        tuple(
            cost + BILINEAR * KERNEL**2 * CHANNELS  # gathered, so not counted
            for cost in _costs(_convolution_call)
        ),
        "random offset weights",
    )


def _in_picture(points_xy: np.ndarray, frame: ImageFrame) -> np.ndarray:
    """Normalised points of a model's padded picture as shares of the original one."""
    return from_pixel_index(normalised_to_original(frame)(points_xy), frame.original_hw)


def _detector(picture: np.ndarray, model: DeformableDETR) -> KeySet:
    layer = [name for name in model.trace_names if name.startswith("encoder")][-1]
    trace = run(model, picture, layers={layer})
    record, frame = trace[layer], trace.frame
    shapes = shapes_list(record.spatial_shapes)
    level = int(
        np.argmin([abs(height * width - MAP_HW[0] * MAP_HW[1]) for height, width in shapes])
    )
    height, width = shapes[level]
    to_padded = normalised_to_original(frame).inverse()
    wanted = cell_centres(MAP_HW) * np.array(frame.original_hw[::-1]) - 0.5
    column, row = (
        np.floor(to_padded(wanted) * [width, height]).astype(int).clip(0, [width - 1, height - 1]).T
    )
    queries = level_starts(shapes)[level] + row * width + column
    places = record.sampling_locations.double().numpy()[queries]
    weights = record.attention_weights.numpy()[queries]
    count, heads = len(queries), places.shape[1]
    per_head = places.shape[2] * places.shape[3]
    return KeySet(
        "detector",
        "Deformable attention (Deformable DETR)",
        _in_picture(places.reshape(count, -1, 2), frame),
        weights.reshape(count, -1),
        np.repeat(np.arange(heads), per_head),
        per_head,
        _costs(_deformable_call),
        f"trained weights, {layer}",
        trace.proofs.get(layer),
    )


def _dat(picture: np.ndarray, model: DAT) -> KeySet:
    trace = run(model, picture)
    layer = next(name for name in model.trace_names if trace[name].query_hw == MAP_HW)
    record, frame = trace[layer], trace.frame
    grid = grid_to_normalised(
        record.positions.double().numpy(), record.query_hw, align_corners=record.align_corners
    )
    heads, queries, knots = record.attention_weights.shape
    of_head = grid[[record.group_of(head) for head in range(heads)]].reshape(-1, 2)
    wanted = cell_centres(MAP_HW) * np.array(frame.original_hw[::-1]) - 0.5
    inside = normalised_to_original(frame).inverse()(wanted) * MAP_HW[::-1]
    column, row = np.floor(inside).astype(int).clip(0, MAP_HW[0] - 1).T
    weights = record.attention_weights.numpy().transpose(1, 0, 2).reshape(queries, -1)
    places = np.broadcast_to(_in_picture(of_head, frame), (queries, heads * knots, 2))
    return KeySet(
        "dat",
        "Deformed grid (DAT)",
        places,
        weights[row * MAP_HW[1] + column],
        np.repeat(np.arange(heads), knots),
        knots,
        _costs(_dat_call),
        f"trained weights, {layer}",
        trace.proofs.get(layer),
    )


# -- costs: the real modules, all of CHANNELS and HEADS, on maps of two sizes -------------------


@cache
def _costs(call: Callable[[int], Callable[[], object]]) -> tuple[int, ...]:
    """Multiply-adds per query of a module that looks at each side's square map once."""
    return tuple(round(count_multiply_adds(call(side)) / side**2) for side in COST_SIDES)


def _dense_call(side: int):
    layer, tokens = SelfAttention(CHANNELS, HEADS), torch.zeros(1, side * side, CHANNELS)
    return lambda: layer(tokens)


def _window_call(side: int):
    block = SwinBlock(CHANNELS, HEADS, (side, side), window=WINDOW, shift=SHIFT)
    windows = torch.zeros((side // WINDOW) ** 2, WINDOW**2, CHANNELS)
    return lambda: block.attn(windows, block.attn_mask)


def _convolution_call(side: int):
    layer = DeformableConv(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2)
    features = torch.zeros(1, CHANNELS, side, side)
    return lambda: layer(features)


def _deformable_call(side: int):
    """With as many samples as are drawn; over how many levels they lie costs a query nothing."""
    layer = MultiScaleDeformableAttention(
        CHANNELS, HEADS, levels=1, points=LEVELS * POINTS, backend="reference"
    )
    tokens = torch.zeros(1, side * side, CHANNELS)
    references = torch.from_numpy(cell_centres((side, side))).float()[None, :, None]
    return lambda: layer(tokens, references, tokens, [(side, side)], None)


def _dat_call(side: int, stride: int = 1):
    layer = DATAttention(
        CHANNELS, HEADS, 2, (side, side), version="v1", stride=stride, offset_range_factor=3.0
    )
    features = torch.zeros(1, CHANNELS, side, side)
    return lambda: layer(features)
