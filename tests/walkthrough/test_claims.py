"""Numbers in cards and texts are those that the code gives; a card's mistake is its own."""

import math

import pytest
import torch
import torch.nn.functional as F

from deformviz.analysis.cost import (
    BILINEAR,
    WEIGHTED,
    AttentionSizes,
    convolution_parameters,
    prediction_cost,
    sampling_cost,
    short_form_holds,
)
from deformviz.attention.dat_reference import reference_grid
from deformviz.attention.reference import bilinear_corners, sample_level, star_offsets
from deformviz.checkpoints import coco
from deformviz.lessons.answers_stages import keys_of_a_stage
from deformviz.models.boxes import EPSILON
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.detector_config import DABDeformableDETRConfig
from deformviz.models.padding import mask_at, padding_mask, valid_ratios
from deformviz.models.position import token_positions
from deformviz.models.postprocess import postprocess
from deformviz.schema import DetectorOutput
from deformviz.walkthrough.convolutions import convolutions
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.myths import CARDS
from deformviz.walkthrough.prose import read_prose

WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 7: "seven", 8: "eight", 43: "forty-three"}
STRIDES = (8, 16, 32, 64)


SHARES = {0.0: "nothing", 0.25: "a quarter", 0.5: "half", 1.0: "all"}


def read_of_ones(x, y):
    """What is read of a map of ones, 5 x 7, at pixels from its corner; in words."""
    value, place = torch.ones(1, 5, 7, 1, 1), torch.tensor([x / 7, y / 5])
    return SHARES[round(float(sample_level(value, place.view(1, 1, 1, 1, 2))), 4)]


def first_width_that_merges(dtype):
    """The first power of two whose pixels' middles are no longer all different."""
    middles = lambda width: ((torch.arange(width) + 0.5) / width).to(dtype)  # noqa: E731
    return next(w for w in (2**k for k in range(3, 13)) if len(middles(w).unique()) < w)


def ratios_of_a_picture(width_px, batch_px):
    """Valid share of the width on each level, as in the card."""
    mask = padding_mask([(batch_px, width_px)], (batch_px, batch_px))
    levels = [mask_at(mask, (side, side)) for side in (math.ceil(batch_px / s) for s in STRIDES)]
    return [round(float(ratio[0]), 3) for ratio in valid_ratios(levels)[0]]


def corners_of_a_pixel(align_corners):
    """What is read at (i + 1/2) / W, for every pixel i of a row."""
    row = torch.arange(1.0, 8.0).view(1, 1, 1, 7)
    places = torch.stack([2 * (torch.arange(7) + 0.5) / 7 - 1, torch.zeros(7)], -1)[None, None]
    return F.grid_sample(row, places, align_corners=align_corners)[0, 0, 0].tolist()


def last_reference(version, knots):
    return round(float(reference_grid((knots, knots), version, torch.zeros(1))[-1, 1]), 3)


def most_pairs():
    output = DetectorOutput(torch.zeros(50, 7), torch.rand(50, 4))
    return len(postprocess(output, (10, 20)))


def plain(number):
    """0.00001, not 1e-05."""
    return f"{number:.10f}".rstrip("0")


def exact_setting():
    """The value of align_corners with which the centre of a pixel reads the pixel."""
    (exact,) = [
        setting
        for setting in (False, True)
        if corners_of_a_pixel(setting) == pytest.approx(list(range(1, 8)), abs=1e-5)
    ]
    return exact


def test_numbers_of_the_cards():
    ratios = [f"{ratio:.3f}".lstrip("0") for ratio in ratios_of_a_picture(843, 1000)]
    rays = len({tuple(ray) for ray in star_offsets(8, 1, 1).view(8, 2).round(decimals=4).tolist()})
    steps = STRIDES[-1] // STRIDES[0]
    strides = [stage.stride for stage in PUBLISHED["dat_pp_tiny"].stages]
    others = plain(DABDeformableDETRConfig.logit_epsilon)
    claims = {
        3: f"one step on the last level is {WORDS[steps]} times one on the first",
        5: f"With {WORDS[rays]} heads that is a compass rose",
        11: f"grid_sample with `align_corners={exact_setting()}` and zeros outside",
        12: f"{read_of_ones(0, 2.5)} is read on an edge and {read_of_ones(0, 0)} in a corner",
        15: f"843 px wide in a batch of 1000 px has {', '.join(ratios[:3])} and {ratios[3]}.",
        22: f"{coco.ROWS} is the largest COCO id plus one. The {most_pairs()} best",
        24: f"lifts both x and 1 − x to {plain(EPSILON)}, DINO and DAB-DETR to {others}",
        29: f"in bfloat16 from {first_width_that_merges(torch.bfloat16)} pixels on, in float16 "
        f"from {first_width_that_merges(torch.float16)} on",
        36: f"DAT++ has strides of {', '.join(map(str, strides[:3]))} and {strides[3]}: "
        f"{keys_of_a_stage()} keys in every stage",
        37: f"the last of {WORDS[7]} lies at {last_reference('++', 7)}, outside",
        40: f"The zero mask logit gives {'½' if torch.zeros(1).sigmoid() == 0.5 else '?'}",
    }
    assert [read_of_ones(x, 2.5) for x in (0.5, -0.5, -0.6)] == ["all", "nothing", "nothing"]
    answers = {card.number: card.answer for card in CARDS}
    for number, claim in claims.items():
        assert claim in answers[number], f"card {number}: {claim}"
    assert f"`align_corners={not exact_setting()}` is right" in CARDS[10].myth
    assert last_reference("v1", 7) < 1 < last_reference("++", 7)
    assert coco.coco_class_names()[-1] == "toothbrush" and len(coco.coco_class_names()) == 91
    assert 154 % min(154, 64) and "its step is the smaller of the batch and 64" in answers[30]
    assert read_prose("myths").title.startswith(WORDS[len(CARDS)].capitalize())


def test_half_a_cell_lies_between_the_positions_of_two_systems():
    mask = torch.zeros(1, 3, 4, dtype=torch.bool)
    shifts = [token_positions(mask, 8, shift=shift) for shift in (-0.5, 0.0)]
    default = token_positions(mask, 8)
    torch.testing.assert_close(default, shifts[0])
    assert "shifts positions by half a cell" in CARDS[22].answer
    # y features come first: along a row they do not change, along a column they do
    grid = default.view(3, 4, 8)
    assert torch.equal(grid[0, 0, :4], grid[0, 3, :4]) and not torch.equal(
        grid[0, 0, :4], grid[2, 0, :4]
    )
    assert "Channels come y first" in CARDS[22].answer


def test_numbers_of_the_texts():
    sizes = AttentionSizes(queries=3, pixels=20, channels=7, heads=2, points=5)
    per_sample = sampling_cost(sizes) // (sizes.queries * sizes.samples * sizes.channels)
    rows = prediction_cost(sizes) // (sizes.queries * sizes.channels * sizes.heads * sizes.samples)
    assert per_sample == BILINEAR + WEIGHTED
    texts = read_prose("complexity").sections.values()
    four, one = WORDS[BILINEAR].capitalize(), WORDS[WEIGHTED]
    assert any(
        f"{four} corners and {one} weight per sample and channel: the {per_sample}." in t
        for t in texts
    )
    two = WORDS[rows - 1].capitalize()
    assert any(
        f"{two} offsets and one weight per sample, each a row of C numbers: the {rows}." in t
        for t in texts
    )
    four_levels = AttentionSizes(300, 20_000, 256, 8, 4, levels=4)
    assert not short_form_holds(four_levels) and short_form_holds(AttentionSizes(300, 9, 256, 8, 4))
    assert any("four levels break that" in text for text in texts)


def test_the_weights_of_a_convolution_are_those_of_its_text():
    text = read_prose("convolutions").introduction
    assert text.startswith("From 16 to 32 channels with a 3×3 kernel")
    assert convolution_parameters(16, 32, 3) in [
        int(step.value) for step in convolutions() if step.value.numel() == 1
    ]


def test_the_stretch_of_aligned_corners_is_one_pixel_in_all():
    """Half a pixel at each border of the map, towards the middle."""
    width = 9
    right, wrong = (
        torch.tensor([0.0, 1.0]) * scale + shift for scale, shift in ((width, -0.5), (width - 1, 0))
    )
    assert (wrong - right).tolist() == [0.5, -0.5]
    assert (
        "by up to half a pixel of their level" in read_prose("mistakes").sections["align_corners"]
    )
    cells, shares = bilinear_corners(torch.tensor([0.5 / width, 0.5]), (3, width))
    assert shares.max() == 1 and len(cells) == 4
    assert "The four pixels around the place" in read_prose("bilinear").sections["corners"]


OWN_MISTAKE = {
    1: "swap_xy",
    2: "swap_hw",
    9: "softmax_over_points",
    11: "align_corners",
    13: "border_padding",
    14: "forget_valid_ratios",
}


def test_a_card_opens_its_own_mistake():
    shown = {
        card.number: card.view.params["mistake"]
        for card in CARDS
        if card.view and "mistake" in card.view.params
    }
    assert shown == OWN_MISTAKE
    assert set(shown.values()) <= set(MISTAKES)
    words = {
        "swap_xy": "(x, y)",
        "swap_hw": "(H, W)",
        "softmax_over_points": "softmax",
        "align_corners": "align_corners",
        "border_padding": "nothing is clamped",
        "forget_valid_ratios": "padded",
    }
    for card in CARDS:
        if card.number in shown:
            assert words[shown[card.number]] in card.answer, card.number
