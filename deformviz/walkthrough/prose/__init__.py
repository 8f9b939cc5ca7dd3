"""Texts of the derivations in Markdown, one folder per language, one file per derivation."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deformviz.words import ENGLISH, spoken

FOLDER = Path(__file__).parent
# A derivation whose steps another one's text describes, unless it has a word of its own.
RELATED = {"single_scale": "multi_scale", "gradients": "bilinear"}


@dataclass(frozen=True)
class Prose:
    """The text of one derivation: its title, what it is about, and a paragraph per step."""

    title: str
    introduction: str
    sections: dict[str, str]  # step -> Markdown


def read_prose(name: str, language: str = "") -> Prose:
    """The text of a derivation by its name; what its language lacks is said in English.

    Args:
        language: "" for the one being spoken.

    Raises:
        FileNotFoundError: there is no such text.
    """
    language = language or spoken()
    has_it = (FOLDER / language / f"{name}.md").is_file()
    return _read(name, language if has_it else ENGLISH)


@cache
def _read(name: str, language: str) -> Prose:
    text = (FOLDER / language / f"{name}.md").read_text(encoding="utf-8")
    head, *parts = text.split("\n## ")
    title, _, introduction = head.partition("\n")
    sections = {}
    for part in parts:
        step, _, paragraph = part.partition("\n")
        sections[step.strip()] = paragraph.strip()
    if name in RELATED:
        sections = read_prose(RELATED[name], language).sections | sections
    return Prose(title.removeprefix("# ").strip(), introduction.strip(), sections)
