"""The published site in Chromium and in Firefox: every page, wide and narrow, light and dark."""

import gzip
import io
import json
import re
from contextlib import redirect_stdout
from urllib.parse import parse_qsl, urlsplit

import pytest

from deformviz import bundles
from deformviz.cli import main
from deformviz.lessons.lesson import ORDER
from deformviz.publish.equations import key_of
from deformviz.publish.folder import MARK, short_hash
from tests.publish.walking import (
    NARROW,
    WIDE,
    fits,
    in_values,
    links,
    served,
    settle,
    target,
)

pytestmark = [pytest.mark.browser]
BELOW = "courses/vision"  # where the site lies on its server
PAGES = {"index", "learn", "explore", "embed", "dat", "compare_attention", "survey", "myths"}
PAGES |= {
    "training",
    "training-dat",
    "walkthrough",
    "notes",
    "sheet",
    *(f"lesson-{name}" for name in ORDER),
}
WHOLE = re.compile(r"""(?:href|src)=["'](?:[a-z]+:)?//""")
MOST_BYTES, MOST_WITH_FRAMES = 25e6, 60e6
MOST_FIRST_BYTES = 2e6
# In the second language a page of each kind is asked about: what frames it and draws is the same.
KINDS = ("index", "learn", "lesson-bill", "explore", "walkthrough", "training", "myths")
STATES = ((WIDE, "light", True), (NARROW, "dark", True), (NARROW, "light", False))
STATES += ((WIDE, "dark", False),)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """All of it in two languages, by the command: (folder of the server, what it said)."""
    root, said = tmp_path_factory.mktemp("host"), io.StringIO()
    with redirect_stdout(said):
        assert main(["publish", "--out", str(root / BELOW / "site"), "--lang", "en,zh"]) == 0
    return root, said.getvalue()


@pytest.fixture(scope="module")
def site(published):
    """The folder of the site."""
    return published[0] / BELOW / "site"


def pages_of(site):
    return {path.relative_to(site).as_posix(): path for path in sorted(site.rglob("*.html"))}


def own_pages(site):
    """Pages of the site itself, without what canvases take along."""
    return {name: path for name, path in pages_of(site).items() if "canvas/" not in name}


def first_bytes(page):
    """What a page and all it names by itself weigh, with one picture and one layer."""
    named = {target(page, one) for one in re.findall(r'(?:href|src)="([^"]+)"', page.read_text())}
    return sum(path.stat().st_size for path in named if path.suffix in (".css", ".js"))


@pytest.mark.slow
def test_every_page_is_there_in_every_language(site):
    names = set(own_pages(site))
    assert names == {f"{folder}{name}.html" for folder in ("", "zh/") for name in PAGES}
    assert '<html lang="zh">' in (site / "zh" / "explore.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_address_is_relative_and_leads_to_a_file(site):
    for path in own_pages(site).values():
        text = path.read_text(encoding="utf-8")
        assert not WHOLE.search(text), path
        for address in links(text):
            assert target(path, address).is_file(), f"{path.name}: {address}"


@pytest.mark.slow
def test_what_lessons_and_equations_carry_leads_to_files_too(site):
    for folder in (site, site / "zh"):
        carried = [(folder / f"lesson-{name}.html", "lesson") for name in ORDER]
        for page, name in (*carried, (folder / "walkthrough.html", "choices")):
            told = json.loads(_data(page))[name]
            for one in [told] if isinstance(told, str) else [each["address"] for each in told]:
                kept = json.loads(gzip.decompress(target(page, one).read_bytes()))
                for address in in_values(kept):
                    assert target(page, address).is_file(), f"{page.name}: {address}"


@pytest.mark.slow
def test_every_link_into_the_equations_is_one_that_was_followed(site):
    known = {one["key"] for one in json.loads(_data(site / "walkthrough.html"))["choices"]}
    asked = set()
    for path in own_pages(site).values():
        asked |= {
            key_of(dict(parse_qsl(urlsplit(one).query)))
            for one in links(path.read_text(encoding="utf-8"))
            if urlsplit(one).path.endswith("walkthrough.html")
        }
    assert len(asked) > 20 and asked - {""} <= known


def _data(page):
    found = re.search(r'id="dv-site">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.mark.slow
def test_names_hold_what_files_hold(site):
    for path in (path for path in (site / "data").iterdir() if path.is_file()):
        assert short_hash(path.read_bytes()) == path.name.split(".")[-2], path.name
    for folder in (site / "canvas").iterdir():
        assert [each.name for each in folder.iterdir()] == [bundles.version(folder.name)]


@pytest.mark.slow
def test_the_site_is_small(published, site):
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    frames = sum(size for path, size in sizes.items() if "/replay-" in path.as_posix())
    assert sum(sizes.values()) <= MOST_WITH_FRAMES
    assert sum(sizes.values()) - frames <= MOST_BYTES
    assert f"site: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB" in published[1]
    told = json.loads(_data(site / "explore.html"))
    first = next(one for one in told["pictures"] if one["name"] == told["first"])
    kind = told["canvases"][first["canvas"]]
    shown = [first["picture"], kind["script"], kind["style"]]
    shown += [one["address"] for one in first["layers"] if one["name"] == first["usual"]]
    page = site / "explore.html"
    bytes_ = sum(target(page, one).stat().st_size for one in shown) + page.stat().st_size
    assert bytes_ + first_bytes(page) <= MOST_FIRST_BYTES


@pytest.mark.slow
def test_a_page_says_what_it_is_to_whoever_sees_only_a_link(site):
    for path in own_pages(site).values():
        if path.name == "sheet.html":
            continue
        text = path.read_text(encoding="utf-8")
        assert re.search(r'<meta name="description" content="[^"]{5,}">', text), path.name
        assert 'property="og:image"' in text and "<noscript>" in text or "dv-site" not in text


@pytest.fixture(params=["page", "firefox_page"], ids=["chromium", "firefox"])
def visited(request, published, site):
    """(opens a page of the site, its names); what leaves the server or complains fails the test.

    Firefox walks the first language: another one changes words, which is seen in one browser.
    """
    page = request.getfixturevalue(request.param)
    root, names = published[0], json.loads((site / MARK).read_text())["pages"]
    if request.param == "firefox_page":
        names = [name for name in names if "/" not in name]
    left = []
    with served(root) as address:
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((f"{address}/{BELOW}/site/", "data:", "blob:", "about:"))
                else left.append(request.url)
            ),
        )

        page.on("response", lambda answer: answer.status < 400 or left.append(answer.url))

        def open_page(name):
            page.goto(f"{address}/{BELOW}/site/{name}")
            return page

        yield open_page, names
        page.goto("about:blank")
    assert left == []
    assert page.console_errors == []


@pytest.mark.slow
def test_every_page_draws_fits_and_is_accessible_in_both_schemes(visited, axe):
    """In the second language each page once a size; what frames it is asked about on some."""
    open_page, names = visited
    wrong = []
    for name in names:
        page, folder, plain = open_page(name), *name.removesuffix(".html").rpartition("/")[::2]
        for size, scheme, asks in STATES[:2] if folder else STATES:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            settle(page, name)
            if not fits(page):
                wrong.append((name, size["width"], "is wider than its window"))
            if asks and (not folder or plain in KINDS):
                wrong += [
                    (name, scheme, one["id"], one["nodes"][0]["html"][:200]) for one in axe(page)
                ]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.slow
def test_the_pointer_is_answered(visited):
    """Another place of the picture, another query in the line below it."""
    open_page, _ = visited
    page = open_page("explore.html")
    settle(page, "explore.html")
    box, said = page.locator(".dv-stage").bounding_box(), set()
    assert "· 3 points" in page.inner_text(".dv-status")  # one head of one query at first
    for share_x, share_y in ((0.3, 0.6), (0.8, 0.3)):
        before = page.inner_text(".dv-status")
        page.mouse.move(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)
        page.wait_for_function(
            "before => document.querySelector('.dv-status').innerText !== before", arg=before
        )
        said.add(page.inner_text(".dv-status"))
    assert len(said) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "cut", "within"),
    [
        ("explore.html?layer=decoder.0", "-decoder.0.", ".dv-notice"),
        ("lesson-bill.html", "/data/lesson-bill.", "[role=alert]"),
        ("walkthrough.html", "/equations-", "[role=alert]"),
        ("training.html", "/replay-detector.en", ".dr-live"),
    ],
)
def test_an_interrupted_download_ends_in_a_sentence(page, published, place, cut, within):
    with served(published[0], cut=cut) as address:
        page.goto(f"{address}/{BELOW}/site/{place}")
        page.locator(within).get_by_text("did not arrive whole").wait_for()
        if place.startswith("explore"):  # all else goes on working
            page.locator(".ds-bar select").select_option("decoder.1")
            settle(page, "explore.html")
        page.goto("about:blank")


@pytest.mark.slow
def test_a_browser_that_lacks_something_is_told_what(browser, published):
    for options, script, sentence in (
        ({"java_script_enabled": False}, "", "It needs JavaScript"),
        ({}, "delete globalThis.DecompressionStream", "a browser of 2023 or later"),
    ):
        context = browser.new_context(**options)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        with served(published[0]) as address:
            page.goto(f"{address}/{BELOW}/site/explore.html")
            page.locator("#content").get_by_text(sentence).first.wait_for()
            assert page.locator(".ds-gallery img").count() > 5
            context.close()


@pytest.mark.slow
def test_a_link_opens_a_view_and_what_is_chosen_is_in_the_address(visited):
    open_page, _ = visited
    page = open_page("explore.html?picture=garden&layer=decoder.1&q=5&pin=1")
    settle(page, "explore.html")
    assert page.get_attribute("a[data-picture=garden]", "aria-current") == "true"
    assert page.locator(".ds-bar select").input_value() == "decoder.1"
    page.wait_for_function("new URL(location).searchParams.get('q') === '5'")
    page.locator("a[data-picture=harbour-wide]").click()
    page.wait_for_function("new URL(location).searchParams.get('picture') === 'harbour-wide'")
    settle(page, "explore.html")
    page.locator(".ds-bar select").select_option("decoder.0")
    page.wait_for_function("new URL(location).searchParams.get('layer') === 'decoder.0'")
    page.go_back()
    page.wait_for_selector("a[data-picture=garden][aria-current]")


@pytest.mark.slow
def test_a_link_to_what_is_not_here_shows_something_else_and_says_so(visited):
    open_page, _ = visited
    page = open_page("explore.html?picture=atlantis")
    settle(page, "explore.html")
    assert "is not here" in page.inner_text(".ds-note")


@pytest.mark.slow
def test_the_first_step_leads_into_the_lesson_and_its_step_is_in_the_address(visited):
    open_page, _ = visited
    page = open_page("index.html")
    settle(page, "index.html")
    page.locator(".dl-next").click()
    page.wait_for_url("**/lesson-bill.html?step=*")
    settle(page, "lesson-bill.html")
    before = page.inner_text(".dl-text h2")
    page.locator(".dl-next").click()
    page.wait_for_function(
        "t => document.querySelector('.dl-text h2').textContent !== t", arg=before
    )
    address = page.url
    page.reload()
    settle(page, "lesson-bill.html")
    assert page.url == address and page.inner_text(".dl-text h2") != before
