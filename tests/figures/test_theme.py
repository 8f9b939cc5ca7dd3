"""Colours that mean something must be told apart, and equal steps must look equal."""

from itertools import combinations

import numpy as np
import pytest

from deformviz.figures import theme

color = pytest.importorskip("skimage.color")

# Machado, Oliveira and Fernandes (2009): what complete colour-deficient sight makes of linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def srgb(colours):
    return np.array(
        [[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in colours]
    )


def lab(rgb):
    return color.rgb2lab(rgb[None])[0]


def as_seen(colours, sight):
    rgb = srgb(colours)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(SIGHT[sight]).T, 0, 1)
    return np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_heads_look_alike(sight):
    colours = lab(as_seen(theme.PETROFF_10, sight))
    nearest = min(color.deltaE_ciede2000(one, other) for one, other in combinations(colours, 2))
    assert nearest > 8


def test_equal_amounts_look_equally_far_apart():
    colours = lab(srgb(theme.SEQUENTIAL))
    steps = color.deltaE_ciede2000(colours[1:], colours[:-1])
    assert steps.max() - steps.min() < 0.7
    assert (np.diff(colours[:, 0]) > 3).all(), "lightness must only rise"


@pytest.mark.parametrize("levels", [1, 2, 4, 5])
def test_levels_have_colours_and_shapes_of_their_own(levels):
    palette = theme.palette(levels)
    assert len(set(palette["levels"])) == levels
    assert len(set(palette["marks"][:levels])) == levels


def test_a_label_in_a_chart_is_read_letter_for_letter():
    import html

    shown = theme.letters('<a href="https://x.y">A&amp;B</a>\u202e')
    assert not set(shown) & set("<>") and "&amp;amp;" in shown
    assert html.unescape(shown) == '<a href="https://x.y">A&amp;B</a>⟨U+202E⟩'


def test_an_eleventh_head_repeats_the_first_colour():
    assert theme.head_colour(10) == theme.head_colour(0) == theme.PETROFF_10[0]


@pytest.mark.parametrize("surroundings", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_quiet_text_can_be_read(surroundings):
    def luminance(colour):
        rgb = srgb([colour])[0]
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for ground in ("paper", "panel"):
        low, high = sorted(luminance(surroundings[name]) for name in ("quiet", ground))
        assert (high + 0.05) / (low + 0.05) > 4.5
