"""Answers of the lesson on the bill, from the counted formula."""

from deformviz.analysis.cost import (
    AttentionSizes,
    dense_cost,
    flip_queries,
    module_cost,
)
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.store import SHIPPED, read_index

STRIDES = (8, 16, 32, 64)
PAPER_SIZE_HW = (800, 1066)
# Reported, arXiv 2010.04159, Table 1: epochs on COCO, AP, AP of small objects.
REPORTED = {"DETR-DC5": (500, 43.3, 22.5), "Deformable DETR": (50, 43.8, 26.4)}
EPOCH_CHOICES = (10, 50, 200, 500)


def tokens(size_hw: tuple[int, int], strides=STRIDES) -> int:
    """Pixels of all levels: each stride halves the map before it, rounding up."""
    height, width = (-(-side // strides[0]) for side in size_hw)
    total = 0
    for _ in strides:
        total += height * width
        height, width = -(-height // 2), -(-width // 2)
    return total


def encoder_sizes(size_hw: tuple[int, int] = PAPER_SIZE_HW) -> AttentionSizes:
    """An encoder layer of the published model, for which every token is a query."""
    count = tokens(size_hw)
    return AttentionSizes(
        queries=count, pixels=count, channels=256, heads=8, points=4, levels=len(STRIDES)
    )


def who_chooses_the_place() -> int:
    """0 if all queries of the shown layer share their offsets, 1 if each has its own."""
    stored = next(one for one in read_index(SHIPPED) if one.name == "beach-dusk")
    layer = unpack_layer(stored.layer_gzip("decoder.2"))
    offsets = layer.locations - layer.references[:, None, :, None, :2]
    return int(offsets.std(axis=0).max() > 0.001)


def epochs_of_deformable_detr() -> int:
    return EPOCH_CHOICES.index(REPORTED["Deformable DETR"][0])


def encoder_pairs() -> float:
    return float(tokens(PAPER_SIZE_HW) ** 2)


def encoder_ratio() -> float:
    sizes = encoder_sizes()
    return dense_cost(sizes.queries, sizes.pixels, sizes.channels) / module_cost(sizes)


def growth_choice() -> int:
    """Which choice says by how much both layers get dearer at twice the side."""
    small, large = (encoder_sizes((side, side)) for side in (800, 1600))
    dense = dense_cost(large.queries, large.pixels, 256) / dense_cost(
        small.queries, small.pixels, 256
    )
    deformable = module_cost(large) / module_cost(small)
    said = ((4, 4), (8, 2), (15.5, 4), (16, 16))
    return min(
        range(len(said)), key=lambda i: abs(said[i][0] - dense) + abs(said[i][1] - deformable)
    )


def flip() -> float:
    return flip_queries(encoder_sizes())
