"""Foreign text inside Markdown: shown letter for letter, whatever it says."""

import re
import unicodedata

SPECIAL = set("\\`*_{}[]()#+-.!|<>~:$&^=\"'")
UNSEEN = ("Cf", "Cc", "Co", "Cs", "Zl", "Zp")
CODE = re.compile(r"(?<!`)(`[^`\n]+`)(?!`)")
# What a page looks for once Markdown is read, where no escape helps any more: addresses, emoji by
# name, arrows. A mark without width keeps their letters apart.
LOOKED_FOR = re.compile(
    r"(?<=http)(?=s?://)|(?<=www)(?=\.)|(?=@)|(?<=:)(?=[\w+/-]+:)|(?<=[-<>~])(?=[->=])",
    re.IGNORECASE,
)
APART = "\u2060"  # word joiner


def plain(text: str) -> str:
    """Text of a stranger as Markdown shows it: no link, no picture, no formula, no direction marks.

    Marks that turn the direction of writing, and other characters nobody sees, are shown by name.
    """
    return APART.join("".join(map(_plain, part)) for part in LOOKED_FOR.split(text))


def quoting(sentence: str) -> str:
    """A sentence that quotes strangers, as Markdown: code stays code, all else is `plain`."""
    parts = CODE.split(sentence.replace("\n", " "))  # every other one is code
    return "".join(visible(part) if place % 2 else plain(part) for place, part in enumerate(parts))


def code(text: str) -> str:
    """Text of a stranger as code in Markdown."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    room = " " if longest or not text.strip() else ""
    return f"{fence}{room}{visible(text)}{room}{fence}"


def visible(text: str) -> str:
    """Text for a place where nothing is marked up: characters nobody sees are shown by name."""
    return "".join(_by_name(c) if unicodedata.category(c) in UNSEEN else c for c in text)


def _plain(character: str) -> str:
    return "\\" + character if character in SPECIAL else visible(character)


def _by_name(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"
