"""The page Learn: a link opens a lesson at a step, walking writes it into the address."""

import pytest
from playwright.sync_api import expect

from deformviz.lessons.lesson import ORDER, lesson
from deformviz.lessons.notes import ERRATA
from tests.app.visit import address, links, me, texts, visit


def test_the_first_page_says_what_this_is_and_leads_to_lessons_and_lab(tiny_server):
    page = visit("start").run()
    assert not page.exception
    assert page.title[0].value == "deformviz"
    assert "a query reads a few places that it chooses itself" in texts(page)
    assert [link.proto.page for link in links(page, "start")] == ["learn", "explore"]


def test_a_link_to_a_view_from_when_explore_was_first_still_opens_it(tiny_server):
    page = visit("start", picture="tall", layer="encoder.1").run()
    assert not page.exception and page.title[0].value == "Where does it look?"
    assert me(page).here.picture == "tall" and me(page).here.layer == "encoder.1"


def test_a_link_or_a_button_chooses_the_language(tiny_server):
    page = visit("start", lang="zh-CN").run()
    assert not page.exception and "可变形注意力" in texts(page)
    assert address(page) == {"lang": "zh"}
    page.button(key="language_en").click().run()
    assert "Deformable attention" in texts(page) and address(page) == {"lang": "en"}
    page.switch_page("views/learn.py").run()
    assert page.selectbox(key="lesson_choice").options[4].startswith("5. Levels")


def test_the_page_shows_the_wrong_beside_the_right(tiny_server):
    page = visit("notes").run()
    assert not page.exception
    said = texts(page)
    assert "4068" in said and "**4608**" in said and "4608, 656, 2304" in said
    assert len(links(page, "notes")) == sum(bool(one.lesson or one.page) for one in ERRATA)


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_that_reads_chinese_is_taught_in_chinese(server, browser):
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(f"{server}/learn?lesson=levels&step=in-a-box")
    expect(page.locator(".dl-text h2")).to_have_text(lesson("levels", "zh")["in-a-box"].title)
    expect(page.locator(".dl-scene .dv-status")).to_contain_text("个点")
    page.goto(f"{server}/learn?lesson=levels&step=in-a-box&lang=en")
    expect(page.locator(".dl-text h2")).to_have_text(lesson("levels")["in-a-box"].title)
    page.context.close()


@pytest.mark.browser
def test_the_first_step_is_alive_and_the_next_one_is_on_the_page_of_lessons(server, page):
    page.goto(server)
    expect(page.locator(".dl-text h2")).to_have_text(lesson(ORDER[0]).steps[0].title)
    expect(page.locator(".dl-scene .dv-status")).to_contain_text("1 points")
    page.locator(".dl-next").click()
    page.wait_for_url(f"**/learn?lesson={ORDER[0]}&step={lesson(ORDER[0]).steps[1].name}")
    expect(page.locator(".dl-text h2")).to_have_text(lesson(ORDER[0]).steps[1].title)


@pytest.mark.browser
def test_a_link_opens_a_step_and_walking_is_in_the_link(server, page):
    page.goto(f"{server}/learn?lesson=levels&step=in-a-box")
    page.wait_for_selector(".dl-text h2")
    assert page.inner_text(".dl-text h2") == lesson("levels")["in-a-box"].title
    page.fill(".dl-number", "0.25")
    page.locator(".dl-check").click()
    assert "dl-good" in page.get_attribute(".dl-verdict", "class")
    page.locator(".dl-next").click()
    page.wait_for_url("**/learn?lesson=levels&step=sum-of-a-level")
    page.reload()
    page.wait_for_selector(".dl-text h2")
    assert page.inner_text(".dl-text h2") == lesson("levels")["sum-of-a-level"].title
    page.wait_for_selector(".dl-scene .dv-stage canvas")
    expect(page.locator(".dl-scene [aria-busy]")).to_have_count(0)
    expect(page.locator(".dl-scene .dv-status")).not_to_be_empty()


@pytest.mark.browser
def test_a_question_reached_by_walking_can_be_answered(server, page):
    """The server answers a step with a new copy of the lesson."""
    page.goto(f"{server}/learn?lesson=levels")
    page.wait_for_selector(".dl-text h2")
    page.locator(".dl-next").click()
    page.wait_for_url("**/learn?lesson=levels&step=one-step")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.fill(".dl-number", "64")
    expect(page.locator(".dl-check")).to_be_enabled()
    page.locator(".dl-check").click()
    assert "dl-good" in page.get_attribute(".dl-verdict", "class")


@pytest.mark.slow
@pytest.mark.browser
def test_the_lab_opens_what_a_step_shows(server, page):
    page.goto(f"{server}/learn?lesson=few-points")
    page.wait_for_selector(".dl-text h2")
    page.locator(".dl-link", has_text="lab").click()
    page.wait_for_selector(".dv-stage canvas")
    page.wait_for_function("location.search.includes('picture=beach-dusk')")
    assert "layer=decoder.2" in page.url and "heads=6" in page.url


@pytest.mark.slow
@pytest.mark.browser
def test_another_lesson_begins_at_its_first_step(server, page):
    page.goto(f"{server}/learn?lesson={ORDER[0]}")
    page.wait_for_selector(".dl-text h2")
    page.get_by_role("combobox", name="Lesson").click()
    page.get_by_role("option", name="5. Levels and boxes").click()
    expect(page.locator(".dl-head h1")).to_have_text(lesson("levels").title)
    assert page.inner_text(".dl-text h2") == lesson("levels").steps[0].title
    page.wait_for_url("**/learn?lesson=levels")


@pytest.mark.browser
def test_a_class_gets_the_code_of_the_present_view_and_the_plan_and_the_sheet(server, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server}/learn?lesson=levels&step=one-step&teach=1")
    expect(page.locator(".dl-text h2")).to_have_text(lesson("levels")["one-step"].title)
    expect(page.get_by_role("combobox")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/learn?lesson=levels&step=in-a-box&teach=1")
    page.keyboard.press("q")
    expect(page.locator(".dl-panel p")).to_have_text(f"{server}/learn?lesson=levels&step=in-a-box")
    assert page.locator(".dl-code").evaluate("image => image.naturalWidth") > 20
    page.keyboard.press("p")
    expect(page.locator(".dl-plan li")).to_have_count(6)
    address = page.locator(".dl-panel > a").evaluate("link => link.href")
    assert lesson("few-points")["by-hand"].question in page.request.get(address).text()
    assert page.request.get(f"{server}/sheet/tlh").status == 404
