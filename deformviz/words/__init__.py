"""Every sentence that a record names: one catalogue of keys per language, free of torch.

A sentence may have places for values, written `{name}`; numbers arrive as text, rounded by whoever
knows what they mean. Scripts say their part of a catalogue by the same rule.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
ENGLISH = "en"
PLACE = re.compile(r"\{([a-z_]+)\}")

_language: ContextVar[str] = ContextVar("language", default="")
_asked: list[Callable[[], str]] = []  # at most one: who knows the language where nobody is speaking


@cache
def languages() -> tuple[str, ...]:
    """The languages there are a catalogue of, English first."""
    found = sorted(path.stem for path in FOLDER.glob("*.json"))
    return (ENGLISH, *(name for name in found if name != ENGLISH))


@cache
def catalogue(language: str = ENGLISH) -> Mapping[str, str]:
    """Key -> sentence; what a language does not say yet is said in English.

    Raises:
        KeyError: there is no catalogue of this language.
    """
    if language not in languages():
        raise KeyError(
            f"There are no words in {language!r}; there are some in {', '.join(languages())}."
        )
    english = {} if language == ENGLISH else catalogue()
    return {**english, **written(language)}


def written(language: str) -> dict[str, str]:
    """What a language's file says, and nothing else."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """What this thread says inside is in this language."""
    catalogue(language)
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def ask_language_of(told: Callable[[], str]) -> None:
    """Have somebody else tell the language wherever nobody is `speaking`; "" stands for English.

    A server speaks with many people at once and knows with whom only when a sentence is said.
    """
    _asked[:] = [told]


def spoken() -> str:
    """The language being spoken."""
    return _language.get() or next((told() for told in _asked), "") or ENGLISH


def best_language(wanted: str) -> str:
    """Of the languages there are the one of a wish such as "zh-CN", else English."""
    primary = wanted.replace("_", "-").partition("-")[0].lower()
    return primary if primary in languages() else ENGLISH


def say(key: str, /, **values: object) -> str:
    """The sentence of a key in the language being spoken, with values in its places.

    Raises:
        KeyError: no such key, or a place without a value.
    """
    language = spoken()
    words = catalogue(language)
    if key not in words:
        raise KeyError(f"{key!r} is not in the catalogue of words {language}.json.")

    def fill(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise KeyError(f"{key!r} has a place {place[0]}, for which no value was given.")
        return str(values[place[1]])

    return PLACE.sub(fill, words[key])


def has(key: str) -> bool:
    """Whether there is a sentence of this key in the language being spoken."""
    return key in catalogue(spoken())


def part(*prefixes: str) -> dict[str, str]:
    """The sentences whose keys are, or begin with, one of these names: what a script is handed.

    Keys stay whole, so that a script says them as Python does.

    Raises:
        KeyError: a prefix that no key has.
    """
    words = catalogue(spoken())
    found = {}
    for prefix in prefixes:
        below = {k: v for k, v in words.items() if k == prefix or k.startswith(f"{prefix}.")}
        if not below:
            raise KeyError(f"No word's key begins with {prefix!r}.")
        found |= below
    return found
