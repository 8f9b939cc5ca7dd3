"""A packed grid gives back what a layer did, in the house frame, and says what is wrong with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.attention.dat import DATAttention
from deformviz.axes import ShapeError
from deformviz.schema import ImageFrame, Trace
from deformviz.tracing.packing import PackedLayerError, compress
from deformviz.tracing.packing_grid import pack_grid, unpack_any, unpack_grid

FRAME = ImageFrame(original_hw=(50, 90), resized_hw=(40, 72), padded_hw=(48, 80))


def traced(version="v1", bias="table", **options):
    torch.manual_seed(3)
    layer = DATAttention(
        8, 4, 2, (6, 10), version=version, stride=2, offset_kernel=5, position_bias=bias, **options
    )
    with torch.no_grad():
        _, record = layer.eval()(torch.randn(1, 8, 6, 10))
    return layer, Trace({"grid": record.image(0)}, FRAME, logits=torch.tensor([0.5, 2.0, 1.0]))


@pytest.mark.parametrize(
    ("version", "bias"), [("v1", "table"), ("++", "log_cpb"), ("++", "dwc"), ("++", "none")]
)
def test_what_comes_back_is_what_went_in(version, bias):
    layer, trace = traced(version, bias)
    surface = layer.bias_surface()
    packed = unpack_grid(compress(pack_grid(trace, "grid", surface=surface)))
    record, kept = trace["grid"], packed.trace
    for name in ("reference_grid", "positions", "query_grid"):
        if (wanted := getattr(record, name)) is not None:
            np.testing.assert_allclose(getattr(kept, name), wanted.numpy(), atol=1e-6)
    np.testing.assert_allclose(kept.attention_weights, record.attention_weights.numpy(), atol=1e-5)
    assert (kept.position_bias is None) == (record.position_bias is None)
    if kept.position_bias is not None:
        np.testing.assert_allclose(kept.position_bias, record.position_bias.numpy(), atol=1e-5)
    assert (packed.surface is None) == (surface is None)
    assert (kept.grid_hw, kept.query_hw, kept.version) == ((3, 5), (6, 10), version)


def test_the_surface_of_a_table_gives_the_bias_that_was_added():
    layer, trace = traced()
    packed = unpack_grid(pack_grid(trace, "grid", surface=layer.bias_surface()))
    head, query, knot = 3, 17, 4
    displacement = packed.trace.query_grid[query] - packed.trace.positions[1, knot]
    rows, columns = packed.surface.shape[1:]
    y, x = (displacement / 2 + 1) / 2 * [rows - 1, columns - 1]
    row, column = int(y), int(x)
    corner = packed.surface[head, row : row + 2, column : column + 2]
    read = np.array([1 - (y - row), y - row]) @ corner @ np.array([1 - (x - column), x - column])
    assert read == pytest.approx(packed.trace.position_bias[head, query, knot], abs=1e-5)


def test_classes_come_best_first_and_the_object_decides_where_to_start():
    _, trace = traced()
    mask = np.zeros((24, 40), bool)
    mask[20:24, 4:8] = True  # row 5 of 6, column 1 of 10
    header = unpack_grid(pack_grid(trace, "grid", class_names=("cat", "fish"), mask=mask)).header
    assert [c["class_name"] for c in header["classes"]] == ["fish", "class 2", "cat"]
    assert sum(c["probability"] for c in header["classes"]) == pytest.approx(1, abs=1e-4)
    assert header["start_query"] == 5 * 10 + 1
    np.testing.assert_array_equal(unpack_grid(pack_grid(trace, "grid", mask=mask)).mask, mask)


@pytest.mark.parametrize("mask", [None, np.ones((12, 20), bool)], ids=["no object", "an object"])
def test_the_group_whose_heeded_knots_moved_most_is_shown_first(mask):
    """Four groups, one of which is moved; each in turn."""
    torch.manual_seed(4)
    layer = DATAttention(8, 4, 4, (6, 10), version="v1", stride=2, offset_kernel=5)
    _, record = layer.eval()(torch.randn(1, 8, 6, 10))
    still = record.image(0).map(torch.Tensor.detach)
    for group in range(4):
        moved = still.reference_grid.clone()
        moved[group] += 0.3
        trace = Trace({"grid": replace(still, positions=moved)}, FRAME)
        assert unpack_grid(pack_grid(trace, "grid", mask=mask)).header["start_group"] == group


def test_what_is_no_grid_is_refused():
    _, trace = traced()
    blob = pack_grid(trace, "grid")
    assert unpack_any(blob).header["kind"] == "grid"
    with pytest.raises(PackedLayerError, match="it was cut or altered"):
        unpack_grid(blob[:-3])
    with pytest.raises(PackedLayerError, match="no readable header"):
        unpack_grid(b"\0" * 40)
    with pytest.raises(ShapeError, match=r"expected bool \[row column\]"):
        pack_grid(trace, "grid", mask=np.zeros((3, 4)))
    with pytest.raises(KeyError, match="No layer 'other'"):
        pack_grid(trace, "other")
