"""One picture through a DAT: where it lies on the model's square, and what is kept."""

import numpy as np
import pytest
import torch

import deformviz as dv
from deformviz.axes import ShapeError
from deformviz.geometry import grid_to_normalised, normalised_to_original
from deformviz.models.dat import DAT
from deformviz.models.dat_presets import dat_scenes
from deformviz.models.square import pad_to_square


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DAT(dat_scenes(("boat", "cat"))).eval()


def wide_picture():
    return np.random.default_rng(3).integers(0, 255, (60, 120, 3), dtype=np.uint8)


def test_a_wide_picture_fills_the_upper_half_of_the_square(model):
    trace = dv.run(model, wide_picture())
    assert trace.frame.resized_hw == (48, 96) and trace.frame.padded_hw == (96, 96)
    assert trace.logits.shape == (2,) and trace.detections is None
    layer = trace["stages.2.attns.0"]
    assert layer.attention_weights.shape == (8, 36, 36) and layer.sampled_features is None


def test_undeformed_knots_land_evenly_on_the_original(model):
    trace = dv.run(model, wide_picture(), layers={"stages.2.attns.0"}, keep_values=True)
    layer = trace["stages.2.attns.0"]
    assert list(trace) == ["stages.2.attns.0"] and layer.sampled_features.shape == (128, 36)
    points = grid_to_normalised(layer.positions[0], layer.query_hw)
    on_original = normalised_to_original(trace.frame)(points)
    # The first knot is read at pixel 0.5 / 6 * 5 of 6; a pixel of that map is 16 of the padded
    # picture and 20 of the original.
    expected = ((0.5 / 6 * 5 + 0.5) / 6 * 96 - 0.5 + 0.5) * 1.25 - 0.5
    assert on_original[0].tolist() == pytest.approx([expected, expected], abs=1e-4)


def test_a_picture_larger_than_the_square_is_refused():
    with pytest.raises(ShapeError, match="40x97 does not fit into 96x96"):
        pad_to_square(torch.zeros(3, 40, 97), 96)
