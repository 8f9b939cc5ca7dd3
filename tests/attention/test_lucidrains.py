"""The lucidrains modules as shipped against the original, and what "corrected" corrects."""

import pytest
import torch

from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.geometry import grid_to_normalised
from tests.dat_parity import assert_close, cases, check_module


def build(config, dimensions, mode="shipped"):
    return LucidrainsAttention(
        config["dim"],
        dimensions,
        heads=config.get("heads", 8),
        head_channels=config.get("dim_head", 64),
        stride=config.get("downsample_factor", 4),
        offset_kernel=config.get("offset_kernel_size", 6),
        offset_scale=config.get("offset_scale"),
        groups=config.get("offset_groups"),
        group_queries=config.get("group_queries", True),
        group_keys=config.get("group_key_values", True),
        log_distance=config.get("cpb_log_distance", True),
        mode=mode,
    )


@pytest.mark.parametrize("name", cases("luc_*"))
def test_as_shipped_it_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    dimensions = int(name[4]) if name[4].isdigit() else 2
    module = check_module(name, recorded, build(recorded["config"], dimensions))
    _, trace = module.float()(recorded["inputs"]["x"])
    if dimensions == 2:
        outputs, groups = recorded["outputs"], trace.positions.shape[1]
        scaled = outputs["vgrid_scaled"].unflatten(0, (-1, groups)).flatten(2, 3)
        assert_close(trace.positions, scaled.flip(-1), 1e-5, "positions")
        assert_close(trace.attention_weights, outputs["attn"], 1e-5, "weights")
        assert_close(trace.position_bias, outputs["rel_pos_bias"], 1e-5, "bias")


def zero_offsets(dimensions, mode):
    module = LucidrainsAttention(
        8, dimensions, heads=2, head_channels=4, stride=2, offset_kernel=4, mode=mode
    )
    torch.nn.init.zeros_(module.to_offsets[2].weight)
    return module


def test_corrected_and_undeformed_it_reads_the_middle_of_every_cell():
    _, trace = zero_offsets(2, "corrected")(torch.zeros(1, 8, 4, 6))
    points = grid_to_normalised(trace.positions[0, 0], (4, 6), align_corners=False)
    expected = [[(x + 0.5) / 3, (y + 0.5) / 2] for y in range(2) for x in range(3)]
    assert points.tolist() == [pytest.approx(point) for point in expected]


def test_as_shipped_and_undeformed_it_divides_x_by_the_height():
    _, trace = zero_offsets(2, "shipped")(torch.zeros(1, 8, 4, 6))
    # Three columns, two rows: x = 2 i / (2 - 1) - 1 reaches 3, y = 2 j / (3 - 1) - 1 stops at 0.
    assert trace.positions[0, 0].amax(0).tolist() == [0.0, 3.0]


def test_corrected_frames_lie_along_the_frames():
    ramp = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(1, 8, 4, 2, 6).contiguous()
    module = zero_offsets(3, "corrected")
    read = {}
    module.to_k.register_forward_pre_hook(lambda _, inputs: read.update(sampled=inputs[0]))
    module(ramp)
    # Two frames of knots read between frames 0 and 1, and between 2 and 3.
    assert read["sampled"][0, 0, :, 0, 0].tolist() == pytest.approx([0.5, 2.5])


@pytest.mark.parametrize(("dimensions", "sizes"), [(1, (9,)), (3, (4, 6, 5))])
def test_sequences_and_volumes_leave_a_trace_too(dimensions, sizes):
    torch.manual_seed(2)
    module = LucidrainsAttention(8, dimensions, heads=2, head_channels=4, stride=2, offset_kernel=4)
    output, trace = module(torch.randn(2, 8, *sizes))
    assert trace.query_sizes == sizes and trace.output.shape[-1] == output[0, 0].numel()
    assert torch.allclose(trace.attention_weights.sum(-1), torch.ones(()))
    assert torch.allclose(trace.reference_grid + trace.offsets, trace.positions)
    assert trace.positions.shape[-1] == dimensions and float(trace.offsets.abs().max()) > 0
