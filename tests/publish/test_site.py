"""A site is plain files: relative addresses that lead somewhere, names that hold their content."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deformviz import bundles
from deformviz.figures.theme import palette
from deformviz.publish import folder as folder_module
from deformviz.publish.cards import pages as cards_of
from deformviz.publish.edition import Edition, Page
from deformviz.publish.folder import MARK, PublishError, SiteFolder
from deformviz.publish.markup import inline, plain
from deformviz.publish.own import _name, find
from deformviz.publish.site import map_of, publish
from deformviz.publish.studies import listed
from deformviz.publish.studies import pages as studies_of
from deformviz.survey.files import SETTINGS
from deformviz.survey.settings import Settings
from deformviz.survey.shipped import SHIPPED_STUDIES
from deformviz.words import catalogue
from tests.app.canvas.canvas_page import SCRIPTS

PUBLISHING = Path(folder_module.__file__).parent


def test_equal_bytes_lie_in_the_site_once_and_other_bytes_beside_them(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    first, same = folder.keep("A picture.jpg", b"one"), folder.keep("A picture.jpg", b"one")
    other = folder.keep("A picture.jpg", b"two")
    assert first == same != other
    assert re.fullmatch(r"data/a-picture\.[0-9a-f]{12}\.jpg", first)
    together = folder.keep_together("replay", {"0/decoder.0.bin": b"three"})
    assert (folder.path / together / "0/decoder.0.bin").read_bytes() == b"three"
    assert sum(folder.files().values()) == 3 + 3 + 5
    assert not (tmp_path / "site").exists()
    assert (folder.finish({}) / first).read_bytes() == b"one"


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(PublishError, match="holds something else than a site"):
        SiteFolder(tmp_path)
    assert thesis.is_file()
    earlier = SiteFolder(tmp_path / "site")
    earlier.write("old.html", "old")
    earlier.finish({})
    later = SiteFolder(tmp_path / "site")
    later.write("new.html", "new")
    assert (tmp_path / "site" / "old.html").is_file()  # seen until the new one is whole
    assert sorted(path.name for path in later.finish({}).iterdir()) == sorted([MARK, "new.html"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spoken": ("en", "fr")}, "no words in fr; there are some in en, zh"),
        ({"address": "lab.example"}, "lab.example is no whole address"),
        ({"own_recordings": "nowhere"}, "nowhere holds no recordings"),
        ({"own_pictures": "nowhere"}, r"nowhere holds no pictures \(\*.png"),
        ({"own_studies": "nowhere"}, "nowhere holds no complete studies"),
    ],
)
def test_what_cannot_be_published_is_said_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(PublishError, match=message):
        publish(tmp_path / "site", **options)
    assert list(tmp_path.iterdir()) == []


def test_own_pictures_get_names_that_an_address_can_hold_and_no_other_has():
    assert _name(Path("Mine & yours, 50 %.png"), set()) == "Mine-yours-50"
    assert _name(Path("garden.png"), {"garden"}) == "own-garden"
    assert _name(Path("garden.jpg"), {"garden", "own-garden"}) == "garden-2"
    assert _name(Path("###.png"), set()) == "picture"


def test_own_studies_come_first_and_where_they_lie_on_a_disk_is_not_told(tmp_path):
    mine = tmp_path / "trained"  # as a shipped one is called
    shutil.copytree(SHIPPED_STUDIES / "before-training", mine)
    settings = Settings.from_json((mine / SETTINGS).read_text("utf-8"))
    told = replace(settings, model=str(tmp_path / "secret" / "best.pth")).to_json()
    (mine / SETTINGS).write_text(told, encoding="utf-8")
    studies = listed(find(studies=tmp_path).studies)
    assert [one.name for one in studies] == ["own-trained", "trained", "before-training"]
    edition = Edition(SiteFolder(tmp_path / "site"), "en", ("en",), ())
    page = next(iter(studies_of(edition, [mine])))
    assert "best.pth" in page.below and "secret" not in page.below
    assert page.data and page.data["first"] == "own-trained"


def test_the_lab_of_a_site_is_its_own_pages(tmp_path):
    edition = Edition(SiteFolder(tmp_path / "site"), "zh", ("en", "zh"), ("explore", "dat"))
    assert edition.lab("explore?picture=garden&q=4") == "explore.html?picture=garden&q=4"
    assert edition.lab("learn?lesson=bill&step=slow") == "lesson-bill.html?step=slow"
    assert edition.lab("checkpoint") == ""
    assert edition.keep("a.bin", b"x").startswith("../data/")


def test_only_who_says_where_the_site_will_be_gets_whole_addresses(tmp_path):
    page = Page("explore", "A title", "A sentence about it.", "<p>…</p>")
    for address in ("", "https://lab.example/dv/"):
        folder = SiteFolder(tmp_path / "site")
        edition = Edition(folder, "zh", ("en", "zh"), ("explore",), address, "data/preview.jpg")
        edition.write(page)
        text = (folder.path / "zh" / "explore.html").read_text(encoding="utf-8")
        assert f'content="{address or "../"}data/preview.jpg"' in text
        assert ('href="https://lab.example/dv/zh/explore.html"' in text) is bool(address)
        assert '<link rel="alternate" hreflang="en" href="../explore.html">' in text
    tree = ElementTree.fromstring(map_of(address, ["index.html", "zh/index.html", "a.html"]))
    places = [node.text for node in tree.iter() if node.tag.endswith("loc")]
    assert places == [address, f"{address}zh/", f"{address}a.html"]


def test_sentences_become_html_and_text_of_strangers_stays_text():
    told = "**Large** is *not* `a < b` & more"
    assert inline(told) == (
        "<strong>Large</strong> is <em>not</em> <code>a &lt; b</code> &amp; more"
    )
    assert plain(told) == "Large is not a < b & more"
    assert inline("$A_{mlqk}$").startswith("<math")


def test_code_inside_the_emphasis_of_a_myth_is_code(tmp_path):
    edition = Edition(SiteFolder(tmp_path / "site"), "en", ("en",), ())
    cards = next(page for page in cards_of(edition) if page.name == "myths").body
    assert "<em><code>align_corners=True</code> is right" in cards and "`" not in cards


def test_the_element_is_built_with_the_palette_of_the_house():
    assert json.loads((bundles.FOLDER / "palette.json").read_text()) == palette(5)


@pytest.mark.parametrize("folder", ["site", "element"])
def test_every_sentence_of_the_scripts_is_in_the_catalogue_and_said(folder):
    scripts = "\n".join(path.read_text("utf-8") for path in (SCRIPTS / folder).glob("*.js"))
    named = set(re.findall(rf'say\("({folder}\.\w+)"', scripts))
    pages = "\n".join(path.read_text("utf-8") for path in PUBLISHING.glob("*.py"))
    named |= set(re.findall(r'say\("(site\.\w+)"', pages)) if folder == "site" else set()
    assert named == {key for key in catalogue() if key.startswith(f"{folder}.")}
