"""Window attentions of DAT, Swin and Swin-V2 against the original code."""

import pytest
import torch

from deformviz.attention.window import (
    LocalAttention,
    ShiftWindowAttention,
    WindowAttention,
    relative_position_index,
)
from deformviz.attention.window_v2 import WindowAttentionV2
from deformviz.axes import ShapeError
from tests.dat_parity import assert_close, cases, check_module


def window_of(config):
    window = config["window_size"]
    return window if isinstance(window, int) else tuple(window)


@pytest.mark.parametrize("name", cases("dat_local_*", "dat_shift_*"))
def test_windows_of_dat_equal_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    if "shift_size" in config:
        module = ShiftWindowAttention(
            config["dim"],
            config["heads"],
            window_of(config),
            tuple(config["fmap_size"]),
            shift=config["shift_size"],
        )
    else:
        module = LocalAttention(config["dim"], config["heads"], window_of(config))
    check_module(name, recorded, module)


@pytest.mark.parametrize("name", cases("swin_window_attention*", "swinv2_window_attention*"))
def test_windows_of_swin_equal_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    options = {"qkv_bias": config.get("qkv_bias", True)}
    build = WindowAttention
    if name.startswith("swinv2"):
        build = WindowAttentionV2
        pretrained = config.get("pretrained_window_size", (0, 0))
        options["pretrained_window"] = tuple(pretrained)
    module = build(config["dim"], config["num_heads"], window_of(config), **options)
    module = check_module(name, recorded, module)
    _, weights = module.float()(recorded["inputs"]["x"])
    assert_close(weights, recorded["outputs"]["attn"], 1e-5, "weights")


def test_the_trace_names_the_pixels_of_the_window():
    torch.manual_seed(0)
    module = LocalAttention(4, 2, (2, 3))
    _, trace = module(torch.randn(1, 4, 4, 6))
    # Pixel (2, 4) of a map six wide lies in the last window: rows 2-3, columns 3-5.
    assert trace.keys[0, 2 * 6 + 4].tolist() == [15, 16, 17, 21, 22, 23]


def test_a_shifted_window_reaches_around_the_map_but_gives_it_no_weight():
    torch.manual_seed(0)
    module = ShiftWindowAttention(4, 2, 2, (4, 6))
    _, trace = module(torch.randn(1, 4, 4, 6))
    corner = trace.keys[0, 0].tolist()
    assert sorted(corner) == [0, 5, 18, 23]
    weights = trace.attention_weights[0, :, 0]
    assert weights[:, corner.index(0)].tolist() == pytest.approx([1.0, 1.0])


def test_a_map_that_windows_do_not_tile_is_refused():
    with pytest.raises(ShapeError, match="do not tile a map of 5x6"):
        LocalAttention(4, 2, 2)(torch.zeros(1, 4, 5, 6))


def test_a_window_of_swin_v2_attends_by_angle_not_length():
    torch.manual_seed(0)
    module = WindowAttentionV2(8, 2, (2, 3), qkv_bias=False)
    tokens = torch.randn(1, 6, 8)
    longer = tokens * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])[None, :, None]
    torch.testing.assert_close(module(tokens)[1], module(longer)[1])


def test_the_table_of_biases_lists_the_steps_from_key_to_query_row_by_row():
    """Files bring their own index; a module that is made afresh must have the same."""
    index = relative_position_index((2, 3))  # tokens (0, 0) .. (1, 2), steps from (-1, -2) on
    assert index[0, 0] == index[4, 4] == 7  # of 3 x 5
    assert index[5, 0] == 14  # the query lies one row and two columns behind its key
    assert index[0, 5] == 0
    assert index[2, 1] == 8 and index[1, 2] == 6
