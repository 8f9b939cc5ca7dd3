"""Foreign text inside Markdown: shown letter for letter, whatever it says."""

import unicodedata

SPECIAL = set("\\`*_{}[]()#+-.!|<>~:$&^=\"'")


def plain(text: str) -> str:
    """Text of a stranger as Markdown shows it: no link, no picture, no formula, no direction marks.

    Marks that turn the direction of writing, and other characters nobody sees, are shown by name.
    """
    return "".join(_plain(character) for character in text)


def _plain(character: str) -> str:
    if character in SPECIAL:
        return "\\" + character
    if unicodedata.category(character) in ("Cf", "Cc", "Co", "Cs"):
        return f"⟨U+{ord(character):04X}⟩"
    return character
