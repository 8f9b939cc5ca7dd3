"""One catalogue per language: the same keys, the same places, and nothing said half."""

import json
import re
import subprocess
import sys

import pytest

from deformviz import words
from deformviz.words import PLACE, catalogue, languages, part, say, speaking, written

TO_LEARNERS = ("lesson.", "page.start.", "page.learn.", "language.")
KEY = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """Two small catalogues in place of the real ones."""
    english = {"room.title": "Where it looks", "room.count": "{count} points of {all}"}
    german = {"room.title": "Wohin es blickt", "room.count": "von {all} Punkten {count}"}
    for name, entries in (("en", english), ("de", german)):
        (tmp_path / f"{name}.json").write_text(json.dumps(entries), encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    for cached in (catalogue, languages):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (catalogue, languages):
        cached.cache_clear()


def test_values_take_their_places(made_up):
    assert say("room.count", count=3, all="8") == "3 points of 8"


def test_another_language_is_spoken_inside_only(made_up):
    with speaking("de"):
        assert say("room.count", count=3, all=8) == "von 8 Punkten 3"
        assert part("room") == dict(catalogue("de"))
    assert say("room.title") == "Where it looks"


def test_a_sentence_without_a_translation_is_said_in_english(made_up, tmp_path):
    (tmp_path / "de.json").write_text('{"room.title": "Wohin es blickt"}', encoding="utf-8")
    with speaking("de"):
        assert (say("room.title"), say("room.count", count=3, all=8)) == (
            "Wohin es blickt",
            "3 points of 8",
        )


def test_a_server_is_told_whom_it_speaks_with(made_up, monkeypatch):
    monkeypatch.setattr(words, "_asked", [])
    words.ask_language_of(lambda: "de")
    assert say("room.title") == "Wohin es blickt"
    with speaking("en"):
        assert say("room.title") == "Where it looks"
    words.ask_language_of(lambda: "")
    assert say("room.title") == "Where it looks"


@pytest.mark.parametrize(
    ("wish", "found"), [("de-AT", "de"), ("DE", "de"), ("fr", "en"), ("", "en")]
)
def test_the_language_of_a_browser_is_one_that_is_there(made_up, wish, found):
    assert words.best_language(wish) == found


def test_a_missing_key_or_value_is_named(made_up):
    with pytest.raises(KeyError, match="room.titel"):
        say("room.titel")
    with pytest.raises(KeyError, match="{all}"):
        say("room.count", count=3)
    with pytest.raises(KeyError, match="no words in 'fr'"), speaking("fr"):
        pass


def test_a_script_is_handed_whole_keys_and_no_neighbours(made_up):
    assert set(part("room")) == {"room.title", "room.count"}
    assert set(part("room.title")) == {"room.title"}
    with pytest.raises(KeyError, match="'roo'"):
        part("roo")


@pytest.mark.parametrize("language", languages())
def test_a_catalogue_has_the_keys_and_places_of_english(language):
    """A sentence of today may wait for its translation, but for those of lessons."""
    english, theirs = catalogue(), written(language)
    assert set(theirs) <= set(english)
    waiting = set(english) - set(theirs)
    assert len(waiting) <= 0.03 * len(english), sorted(waiting)
    assert not {key for key in waiting if key.startswith(TO_LEARNERS)}
    for key, sentence in theirs.items():
        assert set(PLACE.findall(sentence)) == set(PLACE.findall(english[key])), key


@pytest.mark.parametrize("language", languages())
def test_a_catalogue_is_in_order_and_each_sentence_said_once_by_its_key(language):
    pairs = json.loads(
        (words.FOLDER / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=list
    )
    keys = [key for key, _ in pairs]
    assert keys == sorted(set(keys))
    assert all(KEY.fullmatch(key) for key in keys)
    assert all(sentence.strip() == sentence and sentence for _, sentence in pairs)


def test_words_need_nothing_heavy():
    code = (
        "import sys, deformviz.words as w; w.catalogue(); print({'torch','numpy'} & {*sys.modules})"
    )
    reply = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert reply.stdout.strip() == "set()"
