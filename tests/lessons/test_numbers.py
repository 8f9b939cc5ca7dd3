"""No number is said that nothing stands behind: each is computed, or reported with its source."""

import re
from collections.abc import Iterator

import pytest

from deformviz.lessons.glossary import glossary
from deformviz.lessons.lesson import lessons
from deformviz.lessons.notes import told
from deformviz.walkthrough.myths import CARDS
from deformviz.walkthrough.prose import FOLDER, RELATED, read_prose
from tests.lessons import said, said_in_texts

NUMBER = re.compile(r"(?<![\w.])[−]?\d+(?:[.,]\d+)*|(?<![\d.])\.\d+|½")
DIGITS = re.compile(r"\d+(?:[.,]\d+)*|½")
# Names of things, and formulas and code, whose numbers other tests hold.
NAMES = re.compile(r"Eq\. \d(?: and \d)?|Figure \d|Table \d|A\.1|cuda:\d|im2col_step|`.*?`|\$.*?\$")
ENDS = {"0", "1"}  # of ranges, and what weights sum to
SAID = said.SAID | said_in_texts.SAID
WORDS = {
    0.0: "Zero",
    0.25: "quarter",
    1.0: "One",
    2.03: "two",
    4.0: "Four",
    8.0: "Eight",
}  # of an answer that its reveal says in words


def texts() -> Iterator[tuple[str, str]]:
    """Every place and all that is said there, in English; Chinese is held to the same numbers."""
    for one in lessons():
        for step in one.steps:
            parts = (step.title, step.text, step.question, *step.choices, step.reveal, step.why)
            yield f"{one.name}:{step.name}", " ".join(parts)
    for name, words in told().items():
        yield f"note:{name}", " ".join((words["title"], words["text"], words["reveal"]))
    for term in glossary():
        yield f"term:{term['name']}", term["means"]
    for path in sorted(FOLDER.glob("en/*.md")):
        if path.stem != "myths":
            prose = read_prose(path.stem, "en")
            yield f"prose:{path.stem}", prose.introduction
            borrowed = read_prose(RELATED[path.stem], "en").sections if path.stem in RELATED else {}
            for name, text in prose.sections.items():
                if borrowed.get(name) != text:
                    yield f"prose:{path.stem}:{name}", text
    for card in CARDS:
        yield f"card:{card.number}", f"{card.title} {card.myth} {card.answer}"


def test_texts_say_the_same_numbers_in_chinese():
    """Lessons are held to it step by step in their own test."""
    pairs = {
        f"note:{name}": (words["text"] + words["reveal"], told("zh")[name])
        for name, words in told("en").items()
    }
    pairs = {place: (text, zh["text"] + zh["reveal"]) for place, (text, zh) in pairs.items()}
    for one, other in zip(glossary("en"), glossary("zh"), strict=True):
        pairs[f"term:{one['name']}"] = one["means"], other["means"]
    for path in FOLDER.glob("en/*.md"):
        english, chinese = (read_prose(path.stem, language) for language in ("en", "zh"))
        pairs[f"prose:{path.stem}"] = english.introduction, chinese.introduction
        for name, text in english.sections.items():
            pairs[f"prose:{path.stem}:{name}"] = text, chinese.sections[name]
    for place, (text, translated) in pairs.items():
        missing = {*DIGITS.findall(text)} - {*DIGITS.findall(translated)}
        assert not missing, f"{place} lacks {missing}"


def numbers(text: str) -> set[str]:
    return set(NUMBER.findall(NAMES.sub(" ", text))) - ENDS


def is_said(number: str, value: float) -> bool:
    """Whether a number is this value, rounded as it is written."""
    plain = number.replace("−", "-").replace(",", "").replace("½", "0.5")
    half_a_digit = 0.5 * 10.0 ** -len(plain.partition(".")[2])
    return abs(abs(float(plain)) - abs(float(value))) <= half_a_digit * (1 + 1e-6)


FOUND = {place: found for place, text in texts() if (found := numbers(text))}


def test_every_place_that_says_a_number_is_listed_and_no_other():
    assert set(FOUND) == set(SAID)


@pytest.mark.parametrize("place", FOUND)
def test_every_number_is_one_that_was_computed_or_reported(place):
    known = list(SAID[place]())
    unknown = {number for number in FOUND[place] if not any(is_said(number, v) for v in known)}
    assert not unknown, f"{place} says {unknown}; known are {known}"


ANSWERS = [
    (f"{one.name}:{step.name}", step)
    for one in lessons()
    for step in one.steps
    if step.prediction and step.prediction.kind == "number"
]


@pytest.mark.parametrize(("place", "step"), ANSWERS, ids=lambda part: str(part)[:30])
def test_a_reveal_says_the_right_number(place, step):
    answer = float(step.prediction.answer)
    as_digits = any(
        is_said(n, answer * by)
        for n in numbers(step.reveal) | ENDS
        for by in (1, 1e-6)
        if n in step.reveal
    )
    assert as_digits or WORDS[round(answer, 2)] in step.reveal, place
