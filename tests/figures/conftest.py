"""What figures for papers are drawn from in tests: a tiny trace, and a tiny training of three."""

from dataclasses import replace

import pytest

from deformviz.figures.studio import Material
from deformviz.figures.studio.material import pixels_of, unpack
from deformviz.tracing.packing import pack_layer
from tests.app.synthetic_trace import picture_jpeg, synthetic_trace

MOMENTS = (0, 10, 400)


@pytest.fixture(scope="module")
def traces():
    """A trace at each moment of a training."""
    return {moment: synthetic_trace(seed=3 + number) for number, moment in enumerate(MOMENTS)}


@pytest.fixture(scope="module")
def material(traces):
    """The first trace, as a page shows it."""
    trace = traces[0]
    return Material(
        pixels_of(picture_jpeg()),
        tuple(trace),
        lambda name, iteration: unpack(pack_layer(trace, name)),
        "tiny, random weights",
    )


@pytest.fixture(scope="module")
def training(material, traces):
    """All of them, where another query answers at each moment."""
    return replace(
        material,
        layer=lambda name, iteration: unpack(pack_layer(traces[iteration], name)),
        iterations=MOMENTS,
        query_at=lambda iteration, followed: [7, 2, 5][MOMENTS.index(iteration)] + followed,
    )
