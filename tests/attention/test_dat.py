"""DAT's attention against the original code: outputs, gradients, and every tensor of the trace."""

import pytest
import torch
from einops import rearrange

from deformviz.attention.dat import DATAttention, offset_grid_size
from deformviz.axes import ShapeError
from tests.dat_parity import assert_close, cases, check_module

V1_KERNELS = (9, 7, 5, 3)


def build(config):
    version = "++" if "ksize" in config else "v1"
    kind = "table"
    if not config["use_pe"]:
        kind = "none"
    elif config["dwc_pe"]:
        kind = "dwc"
    elif config["fixed_pe"]:
        kind = "fixed"
    elif config.get("log_cpb"):
        kind = "log_cpb"
    return DATAttention(
        config["n_heads"] * config["n_head_channels"],
        config["n_heads"],
        config["n_groups"],
        tuple(config["q_size"]),
        version=version,
        stride=config["stride"],
        offset_kernel=config["ksize"] if version == "++" else V1_KERNELS[config["stage_idx"]],
        offset_range_factor=config["offset_range_factor"],
        position_bias=kind,
        no_offset=config["no_off"],
    )


@pytest.mark.parametrize("name", cases("dattn_*"))
def test_attention_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    module = check_module(name, recorded, build(recorded["config"]))
    _, trace = module.float()(recorded["inputs"]["x"])
    outputs, groups = recorded["outputs"], recorded["config"]["n_groups"]

    def by_knot(tensor):  # [(batch group) yx height width]
        return rearrange(
            tensor, "(batch group) yx height width -> batch group (height width) yx", group=groups
        )

    expected = {
        "reference_grid": outputs["reference"].flatten(2, 3),
        "positions": outputs["pos"].flatten(2, 3),
        "sampled_features": outputs["x_sampled"].squeeze(2),
        "attention_weights": outputs["attn"].unflatten(0, (-1, recorded["config"]["n_heads"])),
    }
    if not recorded["config"]["no_off"]:  # recorded before it was set to zero
        expected["offsets"] = by_knot(outputs["offset"])
    if "attn_bias" in outputs:
        bias = outputs["attn_bias"]
        expected["position_bias"] = bias.unflatten(0, (-1, groups)).flatten(1, 2)
    for key, tensor in expected.items():
        assert_close(getattr(trace, key), tensor, 2e-5, key)


def test_an_option_that_never_worked_is_refused():
    with pytest.raises(ValueError, match="no working no-offset mode"):
        DATAttention(8, 2, 1, (4, 5), version="v1", no_offset=True)
    with pytest.raises(ValueError, match="version must be one of"):
        DATAttention(8, 2, 1, (4, 5), version="2")


def test_a_grid_of_one_row_is_refused_where_it_divides_by_zero():
    module = DATAttention(
        8, 2, 1, (4, 12), version="++", stride=4, offset_kernel=5, offset_range_factor=2
    )
    with pytest.raises(ShapeError, match="keys' grid is 1x3"):
        module(torch.zeros(1, 8, 4, 12))


def test_heads_attend_to_the_knots_of_their_own_group():
    torch.manual_seed(3)
    module = DATAttention(
        12, 6, 3, (3, 5), version="v1", offset_range_factor=2, position_bias="none"
    )
    _, trace = module(torch.randn(2, 12, 3, 5))
    assert [trace.group_of(head) for head in range(6)] == [0, 0, 1, 1, 2, 2]
    assert trace.image(1).positions.shape == (3, 15, 2)


def test_a_kernel_as_wide_as_its_stride_pads_nothing_in_the_second_code():
    assert offset_grid_size((8, 12), 4, 4, "++") == (2, 3)
    assert offset_grid_size((8, 12), 4, 4, "v1") == (3, 4)
    assert offset_grid_size((8, 12), 5, 4, "++") == offset_grid_size((8, 12), 5, 4, "v1") == (2, 3)
