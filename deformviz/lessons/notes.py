"""What notes about deformable attention say wrongly, the right version, and what proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from deformviz.lessons.lesson import read_sections

ANSWERS = "deformviz.lessons.answers_notes"


@dataclass(frozen=True)
class Erratum:
    """One statement that circulates and is wrong."""

    name: str
    proof: str  # function of ANSWERS; "" where a citation is all there is to it
    value: Any = None  # what it says
    lesson: str = ""  # "lesson:step" that shows it
    page: str = ""  # of the lab, with parameters, that shows it

    @property
    def compute(self) -> Callable[[], Any]:
        return getattr(import_module(ANSWERS), self.proof)


ERRATA = (
    Erratum("mask", "groups_of_the_softmax", 8, "few-points:how-many"),
    Erratum("short-form", "short_form_limits", [116, 464, 256], "bill:flip"),
    Erratum(
        "count",
        "parameters_of_convolutions",
        [4608, 656, 2304],
        page="walkthrough?derivation=convolutions",
    ),
    Erratum(
        "depthwise", "depthwise_against_plain", [27, 81], page="walkthrough?derivation=convolutions"
    ),
    Erratum("nearest-four", "pixels_that_count", 4, "between-pixels:four-neighbours"),
    Erratum("range", "largest_offset", 2 / 7, "one-grid:how-far"),
    Erratum("corners", "corner_is_a_pixel", 1, page="dat"),
    Erratum("one-linear", "two_linear_layers", [256, 128], "few-points:where"),
    Erratum("over-points", "", None, "levels:sum-of-a-level"),
    Erratum("added-to-query", "offsets_follow_the_query", 1, "few-points:what-it-says"),
    Erratum("two-offsets", "offsets_in_dat", 1, page="walkthrough?derivation=dat"),
    Erratum(
        "offset-network",
        "offset_network",
        ["Conv2d", "ChannelNorm", "GELU", "Conv2d", 9, 7, 5, 3],
        page="walkthrough?derivation=dat",
    ),
    Erratum("no-bias", "biases_of_the_offset_network", 1, page="walkthrough?derivation=dat"),
    Erratum("edges", "first_reference", -6 / 7, page="dat"),
    Erratum("downsampled", "strides_of_dat", [1, 1], "dat-plus-plus:first-version"),
    Erratum("elementwise", "keys_are_a_matrix_product", 1, page="walkthrough?derivation=dat"),
    Erratum("paper-link", ""),
    Erratum("four-offsets", "samples_of_a_query", 128, "few-points:how-many"),
    Erratum("no-reference", "reference_parameters", 0, "query-to-box:point"),
    Erratum("shape-of-offsets", "", None, "detective:locations"),
    Erratum("learnable-offsets", "shape_of_what_is_learnt", [256, 256], "few-points:where"),
    Erratum("neighborhood", "letters_of_dat_plus_plus", ["D", "N"], "dat-plus-plus:stages"),
)


@cache
def told(language: str = "en") -> dict[str, dict[str, str]]:
    """The words of every erratum by its name: title (where it stands), text (wrong), reveal."""
    path = Path(__file__).parent / f"notes.{language}.md"
    return read_sections(path.read_text(encoding="utf-8"))[1]


@cache
def introduction(language: str = "en") -> tuple[str, str]:
    """The title of the page and what it is."""
    path = Path(__file__).parent / f"notes.{language}.md"
    head, _ = read_sections(path.read_text(encoding="utf-8"))
    return head["title"], head["goal"]
