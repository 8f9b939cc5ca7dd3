"""The plan for a class and its sheet: whole steps of whole lessons, and all of it printed."""

from html import unescape

import pytest

from deformviz.lessons.lesson import ORDER
from deformviz.lessons.sheet import sheet_html
from deformviz.lessons.teaching import MINUTES, PLAN, next_part
from deformviz.words import languages


def test_the_plan_fills_its_time_with_steps_that_are_there():
    assert sum(part.minutes for part in PLAN) == MINUTES == 45
    names = [part.lesson for part in PLAN]
    assert names == sorted(names, key=ORDER.index) and len(set(names)) == len(names)
    for part in PLAN:
        one, steps = part.of("en")
        assert steps and part.minutes <= one.minutes


def test_one_part_follows_the_other():
    assert next_part("bill") == PLAN[1] and next_part("detective") is None
    assert next_part("levels") == PLAN[0]  # a lesson that the plan leaves out


@pytest.mark.parametrize("language", languages())
def test_the_sheet_asks_everything_and_answers_on_a_page_of_its_own(language):
    asked, told = sheet_html(language).split('class="answers"')
    assert f'lang="{language}"' in asked and "break-before: page" in asked
    asked, told = unescape(asked), unescape(told)
    for part in PLAN:
        for step in part.of(language)[1]:
            if step.question:
                assert step.question in asked and step.question in told
                assert step.reveal in told and step.reveal not in asked
                assert all(choice in asked for choice in step.choices)


def test_the_sheet_keeps_titles_with_their_steps_and_shows_code_as_code():
    sheet = sheet_html("en")
    assert "break-after: avoid" in sheet and "?." not in sheet
    assert "`" not in sheet and "<code>align_corners=False</code>" in sheet


def test_there_is_no_sheet_in_a_language_nobody_wrote():
    with pytest.raises(KeyError, match="tlh"):
        sheet_html("tlh")


@pytest.mark.browser
@pytest.mark.slow
def test_the_sheet_prints_to_a_few_pages(page, tmp_path):
    page.set_content(sheet_html("en"))
    printed = page.pdf(path=tmp_path / "sheet.pdf", format="A4")
    assert printed.startswith(b"%PDF") and 4 <= printed.count(b"/Type /Page\n") <= 12
