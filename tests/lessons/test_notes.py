"""What notes say wrongly: each erratum is computed, told in every language, and shown somewhere."""

import pytest

from app.rooms import PAGES
from deformviz.lessons.lesson import lesson
from deformviz.lessons.notes import ERRATA, introduction, told
from deformviz.words import languages


@pytest.mark.parametrize("one", [e for e in ERRATA if e.proof], ids=lambda one: one.name)
def test_an_erratum_is_proved_by_what_is_computed(one):
    found = one.compute()
    assert found == (pytest.approx(one.value) if isinstance(found, float) else one.value)


@pytest.mark.parametrize("language", languages())
def test_every_erratum_is_told(language):
    words = told(language)
    assert list(words) == [one.name for one in ERRATA]
    assert all(each["text"] and each["reveal"] and each["title"] for each in words.values())
    assert all(introduction(language))


def test_every_erratum_is_shown_where_it_says():
    pages = {page.name for page in PAGES}
    for one in ERRATA:
        if one.lesson:
            name, _, step = one.lesson.partition(":")
            assert lesson(name)[step]
        elif one.page:
            assert one.page.partition("?")[0] in pages
    assert sum(not one.proof for one in ERRATA) <= 3
