"""Every statement of the notes has a row: it is shown where the row says, and its test exists."""

import re
from pathlib import Path

import pytest

from app.rooms import PAGES
from deformviz.lessons.glossary import glossary
from deformviz.lessons.lesson import FOLDER, lesson
from deformviz.lessons.notes import ERRATA
from deformviz.walkthrough.myths import CARDS

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| (00\d) \| (.+) \| `(\S+)` \| `(\S+)::(\w+)` \|")
ROWS = [ROW.fullmatch(line) for line in (FOLDER / "README.md").read_text().splitlines()]
ROWS = [row.groups() for row in ROWS if row]
NAMES = {
    "note": {one.name for one in ERRATA},
    "term": {term["name"] for term in glossary()},
    "card": {str(card.number) for card in CARDS},
}


def test_every_line_of_the_table_is_a_row():
    lines = [line for line in (FOLDER / "README.md").read_text().splitlines() if "| 00" in line]
    assert len(ROWS) == len(lines) >= 90
    assert {seed for seed, *_ in ROWS} == {"000", "001", "002", "003", "004"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[2]}")
def test_a_statement_is_shown_and_proven(row):
    _, _, shown, path, test = row
    where, _, what = shown.partition(":")
    if where in NAMES:
        assert what in NAMES[where] and test != "test_the_stored_answer_is_the_computed_one"
    elif what:
        step = lesson(where)[what]
        assert step.prediction or test != "test_the_stored_answer_is_the_computed_one"
    else:
        assert where in {page.name for page in PAGES}
    assert re.search(rf"^def {test}\(", (ROOT / path).read_text(), re.M), f"{path} has no {test}"


def test_every_erratum_answers_a_statement():
    assert {shown.partition(":")[2] for *_, shown, _, _ in ROWS if shown.startswith("note:")} >= {
        one.name for one in ERRATA if one.name != "no-bias"
    }
