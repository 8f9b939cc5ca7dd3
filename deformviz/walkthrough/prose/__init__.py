"""Texts of the derivations in Markdown, one folder per language, one file per derivation."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
# A derivation whose steps another one's text describes, unless it has a word of its own.
RELATED = {"single_scale": "multi_scale", "gradients": "bilinear"}


@dataclass(frozen=True)
class Prose:
    """The text of one derivation: its title, what it is about, and a paragraph per step."""

    title: str
    introduction: str
    sections: dict[str, str]  # step -> Markdown


@cache
def read_prose(name: str, language: str = "en") -> Prose:
    """The text of a derivation by its name.

    Raises:
        FileNotFoundError: there is no such text in this language.
    """
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
