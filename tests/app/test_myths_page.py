"""The page of myths: what a search in vain says, and the way back."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page():
    page = AppTest.from_file(str(ROOT / "app" / "pages.py"), default_timeout=90)
    page.switch_page("views/myths.py")
    return page.run()


def cards(page):
    return [text.value for text in page.markdown if text.value.startswith("#### ")]


def test_a_search_in_vain_says_what_to_try_and_leads_back(page):
    all_cards = cards(page)
    page.text_input(key="myths_wish").set_value("xylophone").run()
    assert cards(page) == [] and "No card speaks of “xylophone”" in page.info[0].value
    page.button(key="clear_wish").click().run()
    assert cards(page) == all_cards and not page.info


@pytest.mark.parametrize("word", ["offset", "padding", "bias", "DAT"])
def test_every_word_it_proposes_finds_something(page, word):
    page.text_input(key="myths_wish").set_value("xylophone").run()
    assert f"*{word}*" in page.info[0].value
    page.text_input(key="myths_wish").set_value(word).run()
    assert cards(page)
