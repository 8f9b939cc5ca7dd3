"""What words mean, each with the forms it takes in a text, so that a page can lead from there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from deformviz.lessons.lesson import read_sections


@cache
def glossary(language: str = "en") -> tuple[dict[str, Any], ...]:
    """Every word: its `name`, its `forms` as texts have them, and what it `means`.

    Raises FileNotFoundError for a language there is none in.
    """
    path = Path(__file__).parent / f"glossary.{language}.md"
    _, sections = read_sections(path.read_text(encoding="utf-8"))
    return tuple(
        {
            "name": name,
            "forms": [form.strip() for form in words["title"].split("|")],
            "means": words["text"],
        }
        for name, words in sections.items()
    )
