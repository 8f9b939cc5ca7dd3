"""A learner walks a lesson in Chromium, from plain files: right once and wrong once."""

import pytest
from playwright.sync_api import expect

from deformviz.lessons.calculators import CALCULATORS
from deformviz.lessons.lesson import ORDER, lesson
from tests.lessons.plain_site import served, write

pytestmark = pytest.mark.browser
WALKED_BY_DEFAULT = ("bill", "between-pixels", "star-to-gaze")  # every kind of question, and costs


@pytest.fixture
def open_lesson(page, tmp_path):
    """Opens a lesson at a step; whatever the console complains of fails the test."""
    complaints = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with served(tmp_path) as address:

        def open_at(name, step="", size=(1440, 900), **more):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            write(tmp_path, name, step, **more)
            page.goto(address)
            page.wait_for_selector(".dl-text h2")
            return page

        yield open_at
        assert complaints == []


def heading(page):
    return page.inner_text(".dl-text h2")


def answer(page, step, right):
    """Make a prediction as a person would."""
    asked = step.prediction
    if asked.kind == "choice":
        place = asked.answer if right else (asked.answer + 1) % len(step.choices)
        page.locator(".dl-choice input").nth(place).check()
    elif asked.kind == "number":
        far = asked.high if asked.answer < (asked.low + asked.high) / 2 else asked.low
        page.fill(".dl-number", str(asked.answer if right else far))
    else:
        box = page.locator(".dl-ground").bounding_box()
        x, y = asked.answer[0] if right else (0.98, 0.97)
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in WALKED_BY_DEFAULT else pytest.mark.slow)
        for name in ORDER
    ],
)
def test_a_lesson_is_walked_with_a_right_and_a_wrong_answer_for_every_question(
    open_lesson, name, language
):
    told = lesson(name, language)
    for right in (True, False):
        page = open_lesson(name, language=language)
        for step in told.steps:
            assert heading(page) == step.title
            if step.prediction:
                check = page.locator(".dl-check")
                assert check.is_disabled()
                answer(page, step, right)
                check.click()
                verdict = page.inner_text(".dl-verdict")
                assert ("dl-good" in page.get_attribute(".dl-verdict", "class")) is right, verdict
                assert step.reveal in page.inner_text(".dl-answer")
            if step is not told.steps[-1]:
                page.locator(".dl-next").click()
        assert page.locator(".dl-link[href='next.html']").is_visible()
        said = page.evaluate("window.told.at(-1)")
        assert said[0] == "step" and said[1]["lesson"] == name
        if right:
            assert page.locator(".dl-done").count() >= len(told.steps) - 1


def test_the_picture_beside_a_step_is_alive(open_lesson):
    page = open_lesson("few-points", "what-it-says")
    page.wait_for_selector(".dl-scene .dv-stage canvas")
    page.wait_for_function("!document.querySelector('.dl-scene [aria-busy]')")
    stage = page.locator(".dl-scene .dv-stage").bounding_box()
    before = page.inner_text(".dl-scene .dv-status")
    page.mouse.move(stage["x"] + stage["width"] * 0.3, stage["y"] + stage["height"] * 0.4)
    page.mouse.click(stage["x"] + stage["width"] * 0.3, stage["y"] + stage["height"] * 0.4)
    page.wait_for_function(
        "before => document.querySelector('.dl-scene .dv-status').textContent !== before",
        arg=before,
    )
    assert page.get_attribute(".dl-link", "href").startswith("lab/explore?picture=beach-dusk")


def test_equations_are_shown_without_anything_that_computes(open_lesson):
    page = open_lesson("few-points", "by-hand")
    page.wait_for_selector(".dl-scene math")
    assert "10.75" in page.inner_text(".dl-scene")


def test_a_calculator_opens_once_its_question_is_answered_and_takes_any_size(open_lesson):
    page = open_lesson("detective", "six-arguments")
    calculator = page.locator(".dl-calculator")
    assert calculator.count() == 0  # it would give the answer away
    page.fill(".dl-number", "1")
    page.locator(".dl-check").click()
    assert "[2, 10723, 8, 4, 4, 2]" in calculator.inner_text()
    calculator.get_by_label("Width, px").fill("130")
    calculator.get_by_label("Height, px").fill("97")
    assert "13 × 17 + 7 × 9 + 4 × 5 + 2 × 3 = 310 pixels" in calculator.inner_text()
    page.locator(".dl-next").click()
    assert calculator.count() == 0


@pytest.mark.slow
def test_a_training_moves_beside_its_question_and_stops_with_the_step(open_lesson):
    page = open_lesson("star-to-gaze", "how-far")
    clock = page.locator(".dl-clock")
    expect(clock.locator("output")).to_have_text("Iteration 13,000")
    status = page.locator(".dl-scene .dv-status")
    expect(status).to_contain_text("query")
    seen = {status.inner_text()}
    for at, iteration in ((0, "0"), (4, "1,000")):
        clock.get_by_label("Moment of the training").fill(str(at))
        expect(clock.locator("output")).to_have_text(f"Iteration {iteration}")
        page.wait_for_function(
            "(seen) => { const said = document.querySelector('.dl-scene .dv-status').textContent;"
            " return said && !seen.includes(said); }",
            arg=list(seen),
        )
        seen.add(status.inner_text())
    clock.get_by_role("button", name="Play the training").click()
    expect(clock.locator("output")).not_to_have_text("Iteration 1,000")
    clock.get_by_role("button", name="Pause").click()
    page.locator(".dl-next").click()
    assert clock.count() == 0


@pytest.mark.slow
def test_stages_of_ones_own_are_built(open_lesson):
    page = open_lesson("dat-plus-plus", "keys-per-stage", size=(390, 844))
    page.fill(".dl-number", "49")
    page.locator(".dl-check").click()
    calculator = page.locator(".dl-calculator")
    rows = calculator.locator("tr")
    assert rows.nth(2).inner_text().split("\t") == [
        "1",
        "56 × 56",
        "1 × D",
        "3,136",
        "49",
        "153,664",
    ]
    calculator.get_by_label("Stride of D in stage 1").select_option("4")
    assert rows.nth(2).inner_text().split("\t")[4] == "196"
    calculator.get_by_label("Layers of stage 1").fill("lls!")
    assert rows.nth(1).inner_text().split("\t")[:3] == ["1", "56 × 56", "2 × L"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_arrow_keys_walk_and_a_link_opens_the_step(open_lesson):
    page = open_lesson("levels", "in-a-box")
    assert heading(page) == lesson("levels")["in-a-box"].title
    page.keyboard.press("ArrowLeft")
    assert heading(page) == lesson("levels")["one-step"].title
    page.keyboard.press("ArrowRight")
    assert heading(page) == lesson("levels")["in-a-box"].title
    assert page.evaluate("document.activeElement.tagName") == "H2"


def test_what_was_predicted_stays_while_one_walks_to_and_fro(open_lesson):
    page = open_lesson("levels", "one-step")
    page.fill(".dl-number", "7")
    page.locator(".dl-check").click()
    said = "You said 7; it is 64. That is off by a factor of 9.143."
    assert page.inner_text(".dl-verdict") == said
    page.locator(".dl-next").click()
    page.locator(".dl-foot .dv-button").first.click()
    assert page.inner_text(".dl-verdict") == said


def test_a_place_is_put_by_keys_and_told_how_far_away_it_is(open_lesson):
    page = open_lesson("between-pixels", "one-and-a-half")
    page.focus(".dl-ground-room")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.locator(".dl-check").click()
    assert page.inner_text(".dl-verdict") == "39 % of the picture away."


def test_a_word_of_the_text_says_what_it_means(open_lesson):
    page = open_lesson("few-points", "what-it-says")
    words = page.locator(".dl-term").all_inner_texts()
    assert {"query", "reference point", "offsets"} <= {word.lower() for word in words}
    assert len(words) == len(set(words))
    page.get_by_role("button", name="reference point", exact=True).click()
    assert (
        page.inner_text(".dl-means") == "reference: Where a query stands; its offsets start there."
    )
    page.get_by_role("button", name="reference point", exact=True).click()
    assert page.locator(".dl-means").is_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_is_wider_than_the_screen(open_lesson, size):
    for name in ("bill", "levels", "detective"):
        page = open_lesson(name, size=size)
        for _ in lesson(name).steps:
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], (name, heading(page))
            if page.locator(".dl-next").count():
                page.locator(".dl-next").click()


def test_a_class_is_taught_by_keys_alone_and_large(open_lesson):
    """On a projector: answer, truth, reason and next step, spotlight and plan, with no pointer."""
    plan = [{"name": "levels", "title": "Levels and boxes", "minutes": 8, "href": "levels.html"}]
    told = lesson("levels")
    page = open_lesson("levels", size=(1280, 720), teach=True, plan=plan, next="", code=None)
    keys = page.keyboard
    assert page.locator(".dl-scene .dv-toolbar").is_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('.dl')).fontSize") == "22.4px"
    for at, step in enumerate(told.steps):
        assert heading(page) == step.title
        if step.prediction and step.prediction.kind == "choice":
            wrong = (step.prediction.answer + 1) % len(step.choices)
            keys.press(str(wrong + 1))
        elif step.prediction:
            keys.type("16")
        if step.prediction:
            keys.press("Enter")
            assert step.reveal in page.inner_text(".dl-answer")
            if at == 1:
                said = page.inner_text(".dl-verdict")
                assert said == "The class said 16; it is 64. That is off by a factor of 4."
            keys.press("Enter")
            assert page.locator(".dl-answer details").get_attribute("open") is not None
        keys.press("PageDown" if at % 2 else "Enter")
    keys.press("s")
    assert page.locator(".dl-spot").is_visible()
    keys.press("p")
    assert page.inner_text(".dl-plan li") == "Levels and boxes: 8 minutes"
    keys.press("Escape")
    assert page.locator(".dl-spot").is_hidden() and page.locator(".dl-panel").is_hidden()
    keys.press("PageUp")
    assert heading(page) == told.steps[-2].title


def test_a_second_enter_in_the_field_just_answered_opens_the_reason(open_lesson):
    """Pressed so soon that the closed field has not let go of the keys yet."""
    page = open_lesson("levels", size=(1280, 720), teach=True, plan=[], next="", code=None)
    page.keyboard.press("PageDown")
    page.locator(".dl input[type=number]").fill("16")
    opened = page.evaluate(
        """() => {
            const field = document.querySelector(".dl input[type=number]");
            const enter = { key: "Enter", bubbles: true, composed: true };
            for (let pressed = 0; pressed < 2; pressed += 1)
                field.dispatchEvent(new KeyboardEvent("keydown", enter));
            return document.querySelector(".dl-answer details").open;
        }"""
    )
    assert opened


def test_marks_are_larger_in_front_of_a_class_and_read_where_the_pointer_is(open_lesson):
    found = {}
    for teach in (False, True):
        page = open_lesson("few-points", "what-it-says", size=(1280, 1300), teach=teach)
        page.wait_for_function("document.querySelector('.dl-scene .dv-explorer:not([aria-busy])')")
        page.wait_for_function("document.querySelector('.dl-scene .dv').__explorer.redraws > 0")
        box = page.locator(".dl-scene .dv-stage").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.66, box["y"] + box["height"] * 0.72)
        page.wait_for_function(
            "document.querySelector('.dl-scene .dv-status').textContent.includes('ball')"
        )
        canvas = page.locator(".dl-scene canvas").first
        found[teach] = canvas.evaluate("(c) => c.getContext('2d').getTransform().a")
    assert found[True] == pytest.approx(1.4 * found[False], rel=0.01)


AXE_STEPS = (
    ("bill", "one-point", {}),
    ("few-points", "by-hand", {}),
    ("one-grid", "two-stars", {}),
    ("one-grid", "bend", {"language": "zh"}),
    ("star-to-gaze", "draw", {}),
    ("star-to-gaze", "how-far", {}),
    ("levels", "one-step", {"teach": True}),
    ("detective", "six-arguments", {}),
    ("dat-plus-plus", "keys-per-stage", {}),
)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_lessons_of_plain_files(open_lesson, axe, scheme):
    for name, step, more in AXE_STEPS:
        page = open_lesson(name, step, **more)
        page.emulate_media(color_scheme=scheme)
        shown = lesson(name)[step]
        if shown.scene and shown.scene.canvas in CALCULATORS:
            answer(page, shown, True)
            page.locator(".dl-check").click()
            page.wait_for_selector(".dl-calculator")
        elif shown.scene and not shown.ground:
            page.wait_for_selector(".dl-scene :is(canvas, math)")
        found = [(one["id"], one["nodes"][0]["html"]) for one in axe(page)]
        assert found == [], (name, step)
