"""The page of equations in Chromium: symbol, tensor, picture and code light up together."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000
HARMLESS = "404 (Not Found)"  # a deep link asks for Streamlit's health below its own path
LIT = re.compile(r"\bwt-lit\b")

expect.set_options(timeout=30_000)


def visit(page, server, **params):
    page.set_default_timeout(PATIENCE_MS)
    query = "&".join(f"{name}={value}" for name, value in params.items())
    page.goto(f"{server}/walkthrough?{query}")
    page.locator(".wt-equation").wait_for()
    return page


@pytest.fixture(scope="module")
def context(browser):
    """One browser for all pages here: it keeps the scripts it has loaded."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context):
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def reader(context, server):
    """One visitor who only points: multi-scale attention on a picture, at its last sum."""
    page = context.new_page()
    page.errors, page.sent = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            message.type == "error"
            and HARMLESS not in message.text
            and page.errors.append(message.text)
        ),
    )
    page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: page.sent.append(frame))
    )
    visit(page, server, derivation="multi_scale", layer="decoder.1", step="attended")
    yield page
    assert page.errors == []


@pytest.fixture
def lesson(reader):
    """The same page with the pointer away from everything."""
    reader.locator("h1").hover()
    reader.locator(".wt").dispatch_event("pointerleave")  # a mark may have been entered by hand
    expect(reader.locator(".wt .wt-lit:not(.wt-arc)")).to_have_count(0)
    return reader


def card(page, name):
    return page.locator(f".wt-card[data-term={name}]")


def symbol(page, name):
    return page.locator(f".wt-equation .term[data-term={name}]")


def current(page):
    return page.locator(".wt-chip[aria-current]").get_attribute("data-term")


def wait_for_step(page, name):
    expect(page.locator(".wt-chip[aria-current]")).to_have_attribute("data-term", name)


def answer(page):
    return page.locator(".wt-answer").first


def wait_for_address(page, part):
    page.wait_for_function("(part) => location.search.includes(part)", arg=part)


# -- pointing ------------------------------------------------------------------------------------


def test_a_symbol_lights_its_tensor_its_marks_and_its_code(lesson):
    symbol(lesson, "attention_weights").hover()
    expect(card(lesson, "attention_weights")).to_have_class(LIT)
    expect(lesson.locator(".wt-chip[data-term=attention_weights]")).to_have_class(LIT)
    expect(lesson.locator(".wt-word[data-term=attention_weights]").first).to_have_class(LIT)
    expect(lesson.locator(".wt-whole [data-term=attention_weights]")).to_have_class(LIT)
    expect(lesson.locator(".wt-svg")).to_have_attribute("data-lit", "samples")


def test_a_word_of_code_lights_symbol_tensor_and_picture(lesson):
    lesson.locator(".wt-word[data-term=sampled_values]").last.hover()
    expect(symbol(lesson, "sampled_values")).to_have_class(LIT)
    expect(card(lesson, "sampled_values")).to_have_class(LIT)
    expect(card(lesson, "attention_weights")).not_to_have_class(LIT)
    expect(lesson.locator(".wt-svg")).to_have_attribute("data-lit", "samples")


def test_a_number_lights_its_mark_and_says_which_it_is(lesson):
    number = card(lesson, "attention_weights").locator(".wt-cell").nth(5)
    number.hover()
    expect(lesson.locator(".wt-sample.wt-lit")).to_have_count(1)
    expect(lesson.locator(".wt-sample").nth(5)).to_have_class(LIT)
    expect(number).to_have_class(LIT)
    expect(card(lesson, "attention_weights")).to_have_class(LIT)


def test_a_mark_of_the_picture_lights_its_numbers_symbol_and_code(lesson):
    lesson.locator(".wt-sample").nth(5).dispatch_event("pointerenter")
    numbers = card(lesson, "attention_weights").locator(".wt-cell.wt-lit")
    expect(numbers).to_have_count(1)
    expect(card(lesson, "attention_weights").locator(".wt-cell").nth(5)).to_have_class(LIT)
    expect(symbol(lesson, "attention_weights")).to_have_class(LIT)
    expect(lesson.locator(".wt-word[data-term=sampled_values]").last).to_have_class(LIT)


def test_the_box_of_the_reference_lights_the_steps_it_enters(lesson):
    lesson.locator(".wt-cross").first.dispatch_event("pointerover")
    expect(lesson.locator(".wt-chip[data-term=reference_boxes]")).to_have_class(LIT)
    expect(lesson.locator(".wt-chip[data-term=attention_weights]")).not_to_have_class(LIT)


def test_pointing_sends_no_word_to_the_server(lesson):
    lesson.wait_for_timeout(600)
    before = len(lesson.sent)
    for _ in range(3):
        symbol(lesson, "attention_weights").hover()
        lesson.locator(".wt-word[data-term=sampled_values]").last.hover()
        lesson.locator(".wt-sample").nth(7).dispatch_event("pointerenter")
    lesson.wait_for_timeout(600)
    assert before > 0 and len(lesson.sent) == before


def test_from_all_samples_to_the_four_pixels_of_one(lesson):
    def shown():
        return lesson.locator(".wt-sample:not(.wt-away)")

    heads = 8
    everything = lesson.locator(".wt-sample").count()
    wide = lesson.locator(".wt-svg").get_attribute("viewBox")
    lesson.get_by_role("button", name="Head 0", exact=True).click()
    expect(shown()).to_have_count(everything // heads)
    lesson.get_by_role("button", name="One sample").click()
    expect(shown()).to_have_count(1)
    lesson.get_by_role("button", name="Its four pixels").click()
    expect(lesson.locator(".wt-corner")).to_have_count(4)
    expect(lesson.locator(".wt-svg")).not_to_have_attribute("viewBox", wide)
    shares = lesson.locator(".wt-share").all_text_contents()
    assert sum(float(text[2:]) for text in shares if text.startswith("×")) == pytest.approx(
        1, abs=0.003
    )
    lesson.get_by_role("button", name="All samples").click()
    expect(shown()).to_have_count(everything)


# -- the keyboard, and links ---------------------------------------------------------------------


@pytest.mark.slow
def test_the_keyboard_alone_walks_the_whole_derivation(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.1", step="attended")
    chip = page.locator(".wt-chip:focus")
    for _ in range(80):
        page.keyboard.press("Tab")
        if chip.count():
            break
    expect(chip).to_have_count(1)
    for _ in range(30):
        page.keyboard.press("ArrowUp")
    wait_for_step(page, "query")
    seen = [current(page)]
    while seen[-1] != "output" and len(seen) < 40:
        page.keyboard.press("ArrowDown")
        expect(page.locator(".wt-chip[aria-current]")).not_to_have_attribute("data-term", seen[-1])
        seen.append(current(page))
    assert seen[-1] == "output" and len(seen) == len(set(seen)) > 15
    page.keyboard.press("c")
    expect(page.locator(".wt-code")).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator(".wt-code")).to_be_visible()
    page.keyboard.press("ArrowRight")
    wait_for_address(page, "point=1")
    expect(page.locator(".wt-sample.wt-chosen title")).to_have_text(
        re.compile("head 0, level 0, point 1")
    )
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator(".wt-sample:not(.wt-away)")).to_have_count(1)


def test_a_link_restores_the_step_and_a_symbol_leads_to_its_own(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.1", step="attended")
    symbol(page, "sampled_values").click()
    wait_for_step(page, "sampled_values")
    wait_for_address(page, "step=sampled_values")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.locator(".wt-equation").wait_for()
    wait_for_step(page, "sampled_values")


# -- one query on two pages ----------------------------------------------------------------------


def test_a_box_or_an_arrow_on_the_picture_chooses_the_query(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.1")
    other = page.locator(".wt-found:not(.wt-own)").first
    query = other.get_attribute("data-query")
    other.dispatch_event("click")
    wait_for_address(page, f"query={query}&")
    expect(page.locator(".wt-found.wt-own")).to_have_attribute("data-query", query)
    expect(page.get_by_label("Query", exact=True)).to_have_value(query)
    page.locator(".wt-svg").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".wt-found.wt-own")).not_to_have_attribute("data-query", query)


@pytest.mark.slow
def test_a_box_that_was_chosen_before_can_be_chosen_again(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.1")
    number = page.get_by_label("Query", exact=True)
    best = page.locator(".wt-found.wt-own").get_attribute("data-query")
    query = page.locator(".wt-found:not(.wt-own)").first.get_attribute("data-query")
    box = page.locator(f".wt-found[data-query='{query}']")
    box.dispatch_event("click")
    expect(number).to_have_value(query)
    number.fill(best)
    number.press("Enter")
    expect(page.locator(".wt-found.wt-own")).to_have_attribute("data-query", best)
    box.dispatch_event("click")
    expect(page.locator(".wt-found.wt-own")).to_have_attribute("data-query", query)
    expect(number).to_have_value(query)


@pytest.mark.slow
def test_a_cell_of_the_encoder_is_clicked_and_walked_to_and_explore_follows(page, server):
    visit(page, server, derivation="multi_scale", layer="encoder.1")
    picture = page.locator(".wt-svg")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    expect(page.locator(".wt-aim")).to_be_visible()
    before = page.get_by_label("Query", exact=True).input_value()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    number = page.get_by_label("Query", exact=True)
    expect(number).not_to_have_value(before)
    clicked = int(number.input_value())
    picture.focus()
    page.keyboard.press("ArrowRight")
    expect(number).to_have_value(str(clicked + 1))
    page.get_by_role("link", name="Look").click()
    page.locator(".dv-explorer:not([aria-busy])").wait_for()
    wait_for_address(page, f"q={clicked + 1}&pin=1")
    page.locator(".dv-stage").focus()
    page.keyboard.press("ArrowRight")
    wait_for_address(page, f"q={clicked + 2}")
    page.get_by_role("link", name="Learn").click()
    page.get_by_role("link", name="Equations").click()
    page.locator(".wt-equation").wait_for()
    expect(page.get_by_label("Query", exact=True)).to_have_value(str(clicked + 2))


# -- what if -------------------------------------------------------------------------------------


def test_dragging_a_sample_changes_numbers_and_box_and_all_can_be_put_back(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.0", step="output")
    before = answer(page).locator("p").all_inner_texts()
    numbers = page.locator(".wt-card").first.inner_text()
    box = page.locator(".wt-box").get_attribute("x")
    heaviest = page.locator(".wt-sample").evaluate_all(
        "nodes => nodes.map(n => Number(n.textContent.split(' ').pop()))"
        ".reduce((best, weight, at, all) => weight > all[best] ? at : best, 0)"
    )
    mark = page.locator(".wt-sample").nth(heaviest)
    mark.dispatch_event("pointerdown", {"clientX": 0, "clientY": 0})
    page.mouse.move(1200, 470, steps=3)
    expect(answer(page).locator("p")).not_to_have_text(before)  # while it is still held
    page.mouse.up()
    expect(page.locator(".wt-figure")).to_have_count(2)  # changed, and as it was
    expect(page.locator(".wt-box").first).not_to_have_attribute("x", box)
    expect(page.locator(".wt-card").first).not_to_have_text(numbers)
    page.get_by_role("button", name="Put everything back").click()
    expect(page.locator(".wt-figure")).to_have_count(1)
    expect(answer(page).locator("p")).to_have_text(before)


def test_sliders_and_buttons_of_what_if_change_the_answer(page, server):
    visit(page, server, derivation="multi_scale", layer="decoder.1", step="attention_weights")
    before = answer(page).inner_text()
    slider = page.get_by_label("Sharpness of weights")
    slider.focus()
    page.keyboard.press("Home")  # 0: all weights are equal
    expect(page.locator(".wt-figure")).to_have_count(2)
    weights = card(page, "attention_weights").locator(".wt-cell")
    expect(weights.first).to_have_attribute("title", "m0 l0 k0: 0.0625")
    expect(weights.last).to_have_attribute("title", re.compile(": 0.0625$"))
    expect(answer(page)).not_to_have_text(before)
    page.get_by_role("group", name="Heads to leave out").get_by_role("button", name="0").click()
    expect(weights.first).to_have_attribute("title", "m0 l0 k0: 0")
    expect(weights.last).to_have_attribute("title", re.compile(": 0.0625$"))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_sliders_of_what_if_stay_under_the_hand(page, server, width, height):
    page.set_viewport_size({"width": width, "height": height})
    visit(page, server, derivation="multi_scale", layer="decoder.1", step="attended")
    slider = page.get_by_label("Sharpness of weights")
    if not slider.is_visible():  # folded away on a phone
        page.get_by_text("What if", exact=True).click()
    slider.scroll_into_view_if_needed()
    slider.focus()
    before = slider.bounding_box()["y"]
    page.keyboard.press("Home")
    expect(page.locator(".wt-figure")).to_have_count(2)
    assert abs(slider.bounding_box()["y"] - before) < 2


# -- costs ---------------------------------------------------------------------------------------


def test_sliders_of_the_costs_answer_at_once_and_the_count_follows(page, server):
    visit(page, server, derivation="complexity")
    rows = page.locator(".wt-terms tr")
    counted = rows.filter(has_text="counted while")
    expect(counted).to_contain_text("✓")
    expect(page.locator(".wt-verdict")).to_contain_text("Sampling first would be cheaper")
    before = counted.inner_text()
    slider = page.get_by_label("Points")
    # An input event alone is a slider still in the hand: nothing has been sent yet.
    slider.evaluate("node => { node.value = 4; node.dispatchEvent(new Event('input')); }")
    expect(counted).to_contain_text("counting")
    expect(page.locator(".wt-verdict")).to_contain_text("17 821/32 = 557 queries")
    slider.dispatch_event("change")
    expect(counted).to_contain_text("✓")
    expect(counted).not_to_have_text(before)
    wait_for_address(page, "sizes=300-800-8-8-256-4")
    page.get_by_label("An encoder: every pixel").check()
    expect(page.locator(".wt-verdict")).to_contain_text("Projecting every pixel first is cheaper")
    wait_for_address(page, "sizes=0-800-8-8-256-4")
    expect(counted).to_contain_text("✓")


# -- looks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("derivation", ["multi_scale", "dat"])
def test_equations_are_drawn_and_no_latex_is_left(page, server, derivation):
    visit(page, server, derivation=derivation)
    page.wait_for_function(
        "() => [...document.fonts].some(f => f.family.includes('dv-math') && f.status === 'loaded')"
    )
    for chip in page.locator(".wt-chip").all():
        chip.dispatch_event("click")
        wait_for_step(page, chip.get_attribute("data-term"))
        text = page.locator(".wt-detail").evaluate(
            "node => [...node.querySelectorAll('.wt-equation, .wt-meta, :scope > p')]"
            ".map(part => part.textContent).join(' ')"
        )
        assert not re.search(r"\\|\$|\bterm\b|[A-Za-z]_[a-zA-Z]\b", text), text
        expect(page.locator(".wt-equation math")).to_have_count(1)


@pytest.mark.slow
def test_a_phone_scrolls_only_down(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server, derivation="multi_scale", mistake="swap_xy")
    wide = page.evaluate("() => document.scrollingElement.scrollWidth - innerWidth")
    assert wide <= 0
    column = page.locator(".wt").bounding_box()
    assert column["x"] >= 0 and column["x"] + column["width"] <= 390
