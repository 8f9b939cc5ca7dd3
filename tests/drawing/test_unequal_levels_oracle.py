"""Levels with different numbers of points: each sample is drawn at its place, of its level."""

import numpy as np
import pytest
import torch

from deformviz.geometry import normalised_to_original, to_pixel_index
from deformviz.schema import ImageFrame, Trace, UnequalAttentionTrace
from deformviz.tracing.packing import pack_layer
from tests.drawing.engine import engine
from tests.drawing.oracle import signs

FRAME = ImageFrame((90, 50), (54, 30), (54, 30))  # no padding: the stage is the picture
SHAPES, COUNTS, HEADS, QUERIES = [(8, 5), (4, 3), (2, 1)], (3, 1, 4), 2, 5
SIZE = (500.0, 900.0)


@pytest.fixture(scope="module")
def trace():
    rng = np.random.default_rng(21)
    samples = sum(COUNTS)
    references = rng.uniform(0.3, 0.7, (QUERIES, len(SHAPES), 2))
    locations = rng.uniform(0.1, 0.9, (QUERIES, HEADS, samples, 2))
    weights = rng.random((QUERIES, HEADS, samples))
    weights /= weights.sum(-1, keepdims=True)

    def tensor(array):
        return torch.as_tensor(array, dtype=torch.float32)

    record = UnequalAttentionTrace(
        spatial_shapes=torch.tensor(SHAPES),
        sampling_offsets=torch.zeros(QUERIES, HEADS, samples, 2),
        sampling_locations=tensor(locations),
        attention_weights=tensor(weights),
        reference_points=tensor(references),
        points_per_level=COUNTS,
    )
    return Trace({"decoder.0": record}, FRAME)


def level_and_point(sample):
    """Which level a head's n-th sample reads, and which of its points it is."""
    for level, count in enumerate(COUNTS):
        if sample < count:
            return level, sample
        sample -= count
    raise IndexError("a head has no such sample")


@pytest.mark.parametrize("query", range(QUERIES))
def test_every_sample_lies_where_the_trace_says_with_the_shape_of_its_level(trace, query):
    record, drawing = trace["decoder.0"], engine("sampling")
    marks = drawing.ask(
        "marks",
        layer=drawing.decode(pack_layer(trace, "decoder.0")),
        view={"query": query},
        query=query,
        width=SIZE[0],
        height=SIZE[1],
    )["marks"]
    drawn = {
        (mark["of"]["head"], mark["of"]["level"], mark["of"]["point"]): mark
        for mark in marks
        if mark["layer"] == "samples" and mark["kind"] == "marker"
    }
    assert len(drawn) == HEADS * sum(COUNTS)
    lines = [mark for mark in marks if mark["layer"] == "connectors"]
    assert len(lines) == len(drawn)
    for head in range(HEADS):
        for sample in range(sum(COUNTS)):
            level, point = level_and_point(sample)
            mark = drawn[head, level, point]
            place = record.sampling_locations[query, head, sample].double().numpy()
            np.testing.assert_allclose([mark["x"], mark["y"]], place * SIZE, atol=0.02)
            np.testing.assert_allclose(mark["px"], normalised_to_original(FRAME)(place), atol=0.01)
            weight = float(record.attention_weights[query, head, sample])
            assert mark["size"] == pytest.approx(signs.radius_of(weight, *SIZE), abs=0.01)
            assert mark["shape"] == signs.shape_of(level) and mark["fill"] == signs.head_fill(head)


@pytest.mark.parametrize("level", range(len(SHAPES)))
def test_sampling_mass_of_a_level_counts_its_own_points(trace, level):
    record, drawing = trace["decoder.0"], engine("sampling")
    (cells,) = drawing.ask(
        "marks",
        layer=drawing.decode(pack_layer(trace, "decoder.0")),
        view={"query": 0, "mass": True, "level": level},
        query=0,
        width=SIZE[0],
        height=SIZE[1],
    )["field"]
    height, width = SHAPES[level]
    mass = np.zeros((height, width))
    first = sum(COUNTS[:level])
    for query in range(QUERIES):
        for head in range(HEADS):
            for sample in range(first, first + COUNTS[level]):
                place = record.sampling_locations[query, head, sample].double().numpy()
                x, y = to_pixel_index(place, (height, width))
                across = np.maximum(0, 1 - np.abs(x - np.arange(width)))
                down = np.maximum(0, 1 - np.abs(y - np.arange(height)))
                weight = float(record.attention_weights[query, head, sample])
                mass += weight * down[:, None] * across
    np.testing.assert_allclose(np.reshape(cells["values"], mass.shape), mass, atol=2e-3)
