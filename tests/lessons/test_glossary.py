"""Words that lessons use are explained in every language, and can be asked for where they stand."""

import pytest

from deformviz.lessons.glossary import glossary
from deformviz.lessons.lesson import lessons
from deformviz.words import languages

NOT_IN_LESSONS = {
    "average-precision",
    "bilinear",
    "cutmix",
    "depthwise",
    "grouped",
    "layer-norm",
    "logit",
    "map-reduced",
}


@pytest.mark.parametrize("language", languages())
def test_the_same_words_are_explained_in_every_language(language):
    assert [term["name"] for term in glossary(language)] == [term["name"] for term in glossary()]
    forms = [form.lower() for term in glossary(language) for form in term["forms"]]
    assert len(forms) == len(set(forms))
    assert all(term["means"] and all(term["forms"]) for term in glossary(language))


@pytest.mark.parametrize("language", languages())
def test_every_word_stands_in_a_lesson(language):
    text = " ".join(f"{step.text} {step.why}" for one in lessons(language) for step in one.steps)
    for term in glossary(language):
        if term["name"] not in NOT_IN_LESSONS:
            assert any(form.lower() in text.lower() for form in term["forms"]), term["name"]
