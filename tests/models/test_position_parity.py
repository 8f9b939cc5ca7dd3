"""Positions, masks, ratios and proposals against recordings of the original functions."""

import pytest
import torch

from deformviz.models.boxes import inverse_sigmoid
from deformviz.models.padding import mask_at, padding_mask, token_references, valid_ratios
from deformviz.models.position import anchor_positions, box_positions, token_positions
from deformviz.models.proposals import anchor_boxes, anchor_logits

CLOSE = dict(atol=1e-5, rtol=1e-5)
FLAVOURS = {
    "deformable_detr: shift -0.5, T=10000, num_pos_feats=12": dict(),
    "detr: no shift, T=10000, num_pos_feats=12": dict(shift=0.0),
    "dino / dab-detr: no shift, T=20, num_pos_feats=12": dict(shift=0.0, temperature=20.0),
}


DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


@pytest.fixture(scope="module")
def recorded(parity):
    return parity("detr/functions.pt")


def test_masks_of_odd_sizes_shrink_as_in_the_original(recorded):
    case = recorded["mask_downsampling"]
    full = case["full_mask"]
    sizes = [tuple(size) for size in case["image_sizes"].tolist()]
    assert torch.equal(padding_mask(sizes, tuple(full.shape[1:])), full)
    for original in case["level_masks"]:
        assert torch.equal(mask_at(full, tuple(original.shape[1:])), original)


def test_valid_ratios_and_encoder_references_equal_the_original(recorded):
    masks = recorded["mask_downsampling"]["level_masks"]
    ratios = valid_ratios(masks)
    torch.testing.assert_close(ratios, torch.stack(recorded["valid_ratio"], dim=1))
    torch.testing.assert_close(
        token_references(masks, ratios), recorded["encoder_reference_points"], **CLOSE
    )


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_token_positions_equal_the_original(recorded, flavour):
    case = recorded["position_embedding"]
    for mask, original in zip(case["masks"], case["out"][flavour], strict=True):
        positions = token_positions(mask, original.shape[1], **FLAVOURS[flavour])
        torch.testing.assert_close(positions, original.flatten(2).transpose(1, 2), **CLOSE)


@DTYPES
def test_box_positions_equal_the_original(recorded, dtype):
    case = recorded["proposal_pos_embed_128"]
    boxes = case["proposals_unsigmoid"].to(dtype).sigmoid()
    positions = box_positions(boxes, channels=256)
    torch.testing.assert_close(positions.float(), case["out"], **CLOSE)


@DTYPES
def test_inverse_sigmoid_equals_the_original_at_the_borders(recorded, dtype):
    case, near = recorded["inverse_sigmoid"], dict(atol=1e-5, rtol=1e-4, check_dtype=False)
    at = case["x"].to(dtype)
    torch.testing.assert_close(inverse_sigmoid(at), case["eps_1e_5"], **near)
    torch.testing.assert_close(inverse_sigmoid(at, epsilon=1e-3), case["eps_1e_3"], **near)
    assert inverse_sigmoid(at).dtype == dtype


@DTYPES
def test_positions_of_anchors_equal_the_original(recorded, dtype):
    case = recorded["gen_sineembed_for_position"]
    for channels, original in ((256, case["d256_from_4d"]), (64, case["d64_from_4d"])):
        positions = anchor_positions(case["pos_tensor"].to(dtype), channels)
        torch.testing.assert_close(positions.float(), original, **CLOSE)


def test_proposals_equal_the_original_and_the_same_cells_are_refused(recorded):
    case = recorded["gen_encoder_output_proposals"]
    shapes = [tuple(shape) for shape in case["spatial_shapes"].tolist()]
    parts = case["padding_mask"].split([height * width for height, width in shapes], dim=1)
    masks = [part.view(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]
    anchors, usable = anchor_boxes(masks, base_size=0.05)
    torch.testing.assert_close(
        anchor_logits(anchors, usable), case["output_proposals_unsigmoid"], **CLOSE
    )
    refused = ~usable & ~case["padding_mask"]
    assert int(refused.sum()) == 4
    layer = torch.nn.Linear(8, 8)
    norm = torch.nn.LayerNorm(8)
    names = case["enc_output"]
    layer.load_state_dict({k: names[f"enc_output.{k}"] for k in ("weight", "bias")})
    norm.load_state_dict({k: names[f"enc_output_norm.{k}"] for k in ("weight", "bias")})
    tokens = case["memory"].masked_fill(~usable[..., None], 0.0)
    torch.testing.assert_close(norm(layer(tokens)), case["output_memory"], **CLOSE)
