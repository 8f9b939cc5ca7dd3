"""Mistakes people make with deformable attention, as one list of records, free of torch.

What each does is a function of `breaking`; its title is the word `mistake.<name>`, why it is one
a section of the prose `mistakes`.
"""

from __future__ import annotations

from dataclasses import dataclass

from deformviz.words import say

ENCODING = "valid_ratios"  # not a formula of one layer: what the encoder hands to the decoder


@dataclass(frozen=True)
class Mistake:
    """One switch: what is exchanged in a copy of a model, and when it can be seen."""

    name: str
    exchanges: str  # a field of `Formulas`, or ENCODING
    formula: str  # "module:name" of what runs instead
    needs_padding: bool = False  # only a padded picture shows it

    @property
    def title(self) -> str:
        return say(f"mistake.{self.name}")


def _of_breaking(name: str, exchanges: str, formula: str, needs_padding: bool = False) -> Mistake:
    return Mistake(name, exchanges, f"deformviz.walkthrough.breaking:{formula}", needs_padding)


MISTAKES: dict[str, Mistake] = {
    mistake.name: mistake
    for mistake in (
        _of_breaking("swap_xy", "sampling_locations", "locations_as_yx"),
        _of_breaking("swap_hw", "sampling_locations", "locations_by_height_and_width"),
        _of_breaking("align_corners", "sampling_locations", "locations_aligned"),
        _of_breaking("border_padding", "sampling_locations", "locations_clamped"),
        _of_breaking("softmax_over_points", "normalise_weights", "weights_per_level"),
        _of_breaking("forget_valid_ratios", ENCODING, "forget_valid_ratios", True),
        _of_breaking("forget_padding_mask", "mask_value", "keep_padding", True),
        _of_breaking("forget_half", "sampling_locations", "locations_without_half"),
    )
}
