"""The page of myths: topics, answers folded away, and the way back from a search in vain."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from deformviz.walkthrough.myths import CARDS, TOPICS
from deformviz.words import say
from tests.app.visit import read, visit

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


def test_a_search_that_a_link_asks_for_is_shown_letter_for_letter():
    trick = "[click](https://example.org) ![p](https://example.org/p.png)"
    page = visit("myths", myths_wish=trick).run()
    assert not page.exception and cards(page) == []
    (note,) = (note.value for note in page.info)
    assert "](" not in note and "https" not in note and trick in read(note)


@pytest.mark.parametrize("word", ["offset", "padding", "bias", "DAT"])
def test_every_word_it_proposes_finds_something(page, word):
    page.text_input(key="myths_wish").set_value("xylophone").run()
    assert f"*{word}*" in page.info[0].value
    page.text_input(key="myths_wish").set_value(word).run()
    assert cards(page)


def test_a_card_asks_first_and_folds_its_answer_away(page):
    card = CARDS[11]
    folded = [one for one in page.expander if card.answer in [text.value for text in one.markdown]]
    assert [one.proto.expanded for one in folded] == [False]
    outside = [text.value for text in page.main.markdown]
    assert say("card.myth", myth=card.myth) in outside
    page.text_input(key="myths_wish").set_value(card.title).run()
    assert any(one.proto.expanded for one in page.expander)


def test_cards_stand_under_their_topic(page):
    topics = [heading.value for heading in page.subheader]
    assert topics == [say(f"card.topic.{topic}") for topic in TOPICS]
    numbers = [int(text.split()[1].rstrip(".")) for text in cards(page)]
    assert numbers == [number for topic in TOPICS.values() for number in topic]
