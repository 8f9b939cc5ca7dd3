"""Six entries lead everywhere, and nowhere twice."""

from app.rooms import ENTRIES, PAGES, entry_of
from deformviz.words import languages, say, speaking
from tests.app.visit import visit


def test_every_page_belongs_to_one_of_six_entries():
    assert len(ENTRIES) == 6
    named = [name for entry in ENTRIES for name in entry.pages]
    assert sorted(named) == sorted(page.name for page in PAGES)
    assert all(page.name in entry_of(page).pages for page in PAGES)
    for language in languages():
        with speaking(language):
            assert len({entry.title for entry in ENTRIES}) == 6
            assert all(say(f"entry.{entry.name}.what") for entry in ENTRIES)


def test_a_page_shows_the_entries_and_the_pages_beside_it(tiny_server):
    page = visit("compare_attention").run()
    assert not page.exception
    links = page.get("page_link")
    above = ["Learn", "Look", "Compare", "Train", "Inspect", "Survey"]
    beside = ["Five attentions", "Cost lab", "What they cost"]
    assert [link.proto.label for link in links] == [*above, *beside]
    assert [link.proto.page for link in links[:2]] == ["", "explore"]
    assert links[-1].proto.page == "walkthrough"
    assert links[-1].proto.query_string == "derivation=complexity"
