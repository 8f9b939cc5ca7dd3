"""Models in Chromium: the numbers of torch, scenes under hand and keys, and what goes wrong."""

import io
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

import deformviz as dv
from deformviz.publish import npm, sprites
from deformviz.tracing.packing_grid import pack_grid, unpack_any
from deformviz.training.scenes import render, scene_generator
from deformviz.walkthrough.observe import observe
from deformviz.walkthrough.what_if import Edit, go_on
from tests.publish.live_site import publish_live, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
# WebAssembly sums the backbone's norms in another order than torch: 1.7e-4 is the most that a point
# moved, a twentieth of a pixel that the model reads. Outside of browsers the graph keeps 1e-4.
TOLERANCE = 3e-4
PICTURES = 20
DRAWN = ".lv-result .dv-explorer:not([aria-busy]) .dv-stage"
# Has the page's own engine look at pictures the test hands in, and posts what came out.
LOOK = """async ([count, order]) => {
  const { engine } = document.querySelector(".lv").__live;
  const names = Object.keys(order);
  for (let index = 0; index < count; index++) {
    const pixels = new Float32Array(await (await fetch(`given-${index}.bin`)).arrayBuffer());
    const { outputs } = await new Promise((done) => {
      engine.tell.answer = done;
      engine.look({ pixels });
    });
    const parts = names.map((name) => outputs[name].numbers);
    await fetch(`answer-${index}`, { method: "POST", body: new Blob(parts) });
  }
}"""
PACKED = """async (layer) => {
  const { result } = document.querySelector(".lv").__live;
  result.choose(layer);
  const { outputs, shown } = result.answer;
  const blob = await new Promise((done) => shown.toBlob(done));
  await fetch("shown.png", { method: "POST", body: blob });
  return [shown.width, shown.height];
}"""


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """(address of a served site, what was posted to it, endings that break off, its folder)."""
    pytest.importorskip("onnx")
    if not (ROOT / npm.INSTALLED).is_dir():
        pytest.skip(f"no browser run time for models: `npm ci` brings {npm.PACKAGE}")
    folder = publish_live(tmp_path_factory.mktemp("live") / "site")
    with serving(folder) as (address, kept, broken):
        yield address, kept, broken, folder


@pytest.fixture
def opened(live, page):
    """Opens the page with an address of its own; nothing may leave the server."""
    address, _, broken, _ = live
    broken.clear()
    left = []
    page.on(
        "request",
        lambda request: (
            request.url.startswith((address, "blob:", "data:")) or left.append(request.url)
        ),
    )

    def open_page(query="", name="live.html"):
        page.goto(f"{address}/{name}{query}")
        return page

    yield open_page
    page.goto("about:blank")
    assert left == []


def facts_of(folder, name):
    text = (folder / "live.html").read_text(encoding="utf-8")
    told = json.loads(text.partition('id="dv-site">')[2].partition("</script>")[0])
    return next(model for model in told["data"]["models"] if model["name"] == name)


def expected_of(trace, facts):
    """What every output of a graph should be, by name, in order."""
    answer = {"logits": trace.logits}
    if trace.output is not None:
        answer = {"logits": trace.output.logits, "boxes_cxcywh": trace.output.boxes_cxcywh}
    traced = {
        f"{layer['name']}/{array}": getattr(trace[layer["name"]], array)
        for layer in facts["layers"]
        for array in layer["arrays"]
    }
    return {name: tensor.numpy() for name, tensor in (answer | traced).items()}


def settle(page):
    expect(page.locator(".lv-status")).to_contain_text("The model took", timeout=60_000)
    page.wait_for_selector(DRAWN)


@pytest.mark.parametrize(
    ("name", "count"), [("deformable-detr-scenes", PICTURES), ("dat-scenes", 4)]
)
def test_twenty_pictures_give_the_boxes_scores_and_every_point_that_torch_gives(
    opened, live, name, count
):
    _, kept, _, folder = live
    model, facts = dv.load(name), facts_of(folder, name)
    images = [render(scene_generator(77, i), tuple(facts["input_hw"])).image for i in range(count)]
    images[-1] = np.random.default_rng(5).integers(0, 256, images[0].shape).astype(np.uint8)
    expected = [
        expected_of(dv.run(model, image, keep_values=True, prove=False), facts) for image in images
    ]
    for index, image in enumerate(images):
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)).astype("<f4")
        (folder / f"given-{index}.bin").write_bytes(planes.tobytes())
    page = opened(f"?model={name}")
    settle(page)
    order = {array: list(numbers.shape) for array, numbers in expected[0].items()}
    page.evaluate(LOOK, [count, order])
    for index, wanted in enumerate(expected):
        numbers, at = np.frombuffer(kept[f"answer-{index}"], "<f4"), 0
        for array, tensor in wanted.items():
            found = numbers[at : at + tensor.size].reshape(tensor.shape)
            at += tensor.size
            shares = not array.endswith(("value", "logits"))  # others are as large as they are
            allowed = TOLERANCE * (1 if shares else np.abs(tensor).max())
            assert np.abs(found - tensor).max() < allowed, (index, array)
            if array == "logits":
                scores, right = (1 / (1 + np.exp(-one)) for one in (found, tensor))
                assert np.abs(scores - right).max() < TOLERANCE, index
        assert at == numbers.size
    assert page.console_errors == []


def test_what_is_drawn_is_what_torch_saw_of_the_picture_on_show(opened, live):
    _, kept, _, _ = live
    page = opened()
    settle(page)
    width, height = page.evaluate(PACKED, "decoder.2")
    image = Image.open(io.BytesIO(kept["shown.png"])).convert("RGB")
    assert image.size == (width, height) == (512, 384)
    found = dv.run(dv.load("deformable-detr-scenes"), np.asarray(image), prove=False).detections
    said = page.inner_text(".lv-found")
    best = [found.name(i) for i in range(len(found)) if found.scores[i] >= 0.5]
    assert best and all(name in said for name in best)


BOUNDS = """async ([bare, full]) => {
  const { scene } = document.querySelector(".lv").__live;
  const { picture } = scene.stage;
  const pixels = async (text) => {
    scene.open(text);
    while (scene.painted !== text) await new Promise(requestAnimationFrame);
    const { width, height } = picture;
    return picture.getContext("2d").getImageData(0, 0, width, height).data;
  };
  const [before, after] = [await pixels(bare), await pixels(full)];
  const [xs, ys] = [[], []];
  for (let at = 0; at < before.length; at += 4) {
    const differs = (colour) => Math.abs(before[at + colour] - after[at + colour]) > 24;
    if (![0, 1, 2].some(differs)) continue;
    xs.push((at / 4) % picture.width);
    ys.push(Math.floor(at / 4 / picture.width));
  }
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}"""


@pytest.mark.parametrize("turn", [0, 90])
def test_a_thing_lies_where_its_scene_says(opened, turn):
    page = opened()
    settle(page)
    height, width = sprites.STAGE_HW
    thing = Image.open(io.BytesIO(sprites.sprite("car", 0)))
    scale = 0.5 * height / max(thing.size)
    wide, tall = (side - 2 * sprites.MARGIN_PX for side in thing.size)
    wide, tall = (tall, wide) if turn else (wide, tall)
    found = page.evaluate(BOUNDS, ["sea-day", f"sea-day~car-1,0.4,0.5,0.5,{turn},1"])
    x, y = 0.4 * width, 0.5 * height
    half = wide * scale / 2, tall * scale / 2
    expected = [x - half[0], y - half[1], x + half[0], y + half[1]]
    assert np.abs(np.array(found) - expected).max() < 3


def test_a_link_to_what_is_not_here_shows_another_scene_and_says_so(opened):
    page = opened("?scene=" + quote("atlantis~cat-1,0.5,0.5,0.5,0,0") + "&layer=encoder.1")
    settle(page)
    expect(page.locator(".lv-note")).to_contain_text("is not here")
    assert page.locator(".lv-result select").first.input_value() == "encoder.1"


def test_a_thing_is_moved_by_hand_and_keys_and_the_points_follow(opened):
    page = opened()
    settle(page)
    before = page.evaluate("document.querySelector('.lv').__live.result.count")
    box = page.locator(".lv-stage").bounding_box()
    cat = (box["x"] + 0.7 * box["width"], box["y"] + 0.82 * box["height"])
    page.mouse.move(*cat)
    page.mouse.down()
    page.mouse.move(cat[0] - 60, cat[1] - 50, steps=4)
    page.mouse.up()
    chosen = "document.querySelector('.lv').__live.scene"
    page.wait_for_function(f"document.querySelector('.lv').__live.result.count > {before}")
    assert page.locator(".lv-controls select").first.input_value() == "4"
    moved = page.evaluate(f"[{chosen}.thing.x, {chosen}.thing.y]")
    assert moved[0] < 0.65 and moved[1] < 0.8
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    page.keyboard.press("]")
    assert page.evaluate(f"{chosen}.thing.x") == pytest.approx(moved[0] + 0.01)
    assert page.evaluate(f"[{chosen}.thing.size > 0.26, {chosen}.thing.turn]") == [True, 5]
    page.keyboard.press("Delete")
    assert page.evaluate(f"{chosen}.scene.things.map(({{ name }}) => name)").count("cat-1") == 0
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_function(f"{chosen}.text === {chosen}.painted")
    text = page.evaluate(f"{chosen}.text")
    assert text.endswith("~house-1,0.5,0.6,0.35,0,0")
    page.wait_for_function("t => new URL(location).searchParams.get('scene') === t", arg=text)
    page.reload()
    settle(page)
    assert page.evaluate(f"{chosen}.text") == text


TRACE = """async () => {
  const { answer, result } = document.querySelector(".lv").__live;
  const post = (name, body) => fetch(name, { method: "POST", body: new Blob([body]) });
  await Promise.all([post("trace", result.page.data.trace), post("pixels", answer.pixels)]);
}"""
SAME = ("grid_hw", "query_hw", "groups", "heads", "knots", "queries", "version", "align_corners")
SAME += ("has_starts", "has_bias", "to_grid", "start_group", "start_query")


def test_a_grid_is_packed_as_python_packs_it(opened, live):
    _, kept, _, folder = live
    page = opened("?model=dat-scenes")
    settle(page)
    page.evaluate(TRACE)
    ours = unpack_any(kept["trace"])
    planes = np.frombuffer(kept["pixels"], "<f4")
    size_hw = facts_of(folder, "dat-scenes")["input_hw"]
    image = planes.reshape(3, *size_hw).transpose(1, 2, 0).astype(np.uint8)
    model = dv.load("dat-scenes")
    names = model.config.class_names
    trace = dv.run(model, image, prove=False)
    theirs = unpack_any(pack_grid(trace, ours.header["layer"], class_names=names))
    for name in SAME:
        assert ours.header[name] == theirs.header[name], name
    assert [one["label"] for one in ours.header["classes"]] == [
        one["label"] for one in theirs.header["classes"]
    ]
    for name in ("positions", "attention_weights", "query_grid", "position_bias"):
        found, expected = (getattr(one.trace, name) for one in (ours, theirs))
        assert np.abs(found - expected).max() < 2 * TOLERANCE, name


EDIT = Edit(
    "decoder.1", 7, dropped_heads=(0, 5), dropped_levels=(1,), moved=(((2, 3, 1), (0.25, 0.75)),)
)
EDIT_IN_A_LINK = "decoder.1;7;heads:0,5;levels:1;moved:2,3,1,0.25,0.75"
SAID = """async () => {
  const { answer, result } = document.querySelector(".lv").__live;
  const { logits, boxes_cxcywh: boxes } = result.answer.outputs;
  const parts = [answer.pixels, logits.numbers, boxes.numbers];
  await fetch("said", { method: "POST", body: new Blob(parts) });
}"""


def test_what_if_says_what_the_app_says_and_is_in_the_link(opened, live):
    _, kept, _, folder = live
    page = opened(f"?layer=decoder.1&edit={quote(EDIT_IN_A_LINK)}")
    expect(page.locator(".lv-said")).to_contain_text("Query 7:", timeout=60_000)
    page.evaluate(SAID)
    model = dv.load("deformable-detr-scenes")
    height, width = facts_of(folder, "deformable-detr-scenes")["input_hw"]
    numbers = torch.from_numpy(np.frombuffer(kept["said"], "<f4").copy())
    pixels, said = numbers.split([3 * height * width, len(numbers) - 3 * height * width])
    mean, std = (
        torch.tensor(one)[:, None, None]
        for one in (model.config.image_mean, model.config.image_std)
    )
    given = (pixels.view(3, height, width) / 255 - mean) / std
    right = go_on(observe(model, [given]), EDIT).output
    expected = torch.cat([right.logits.flatten(), right.boxes_cxcywh.flatten()])
    assert (said - expected).abs().max() < TOLERANCE
    assert quote(EDIT_IN_A_LINK, safe="") in page.url.replace("+", "%20")
    page.get_by_role("button", name="As it is").click()
    expect(page.locator(".lv-said")).to_be_empty()
    assert "edit=" not in page.url


def test_a_point_is_dragged_and_the_box_answers(opened):
    page = opened("?layer=decoder.2")
    settle(page)
    page.get_by_text("What if this layer read elsewhere?").click()
    page.get_by_role("button", name="Drag points").click()
    where = """() => {
      const { explorer } = document.querySelector(".lv").__live.whatIf;
      const box = explorer.stage.root.getBoundingClientRect();
      const { scale, scene } = explorer.stage;
      const sample = scene.placed.find(({ beyond }) => !beyond);
      return [box.left + sample.stageX * scale, box.top + sample.stageY * scale];
    }"""
    page.locator(".lv-result .dv-stage").scroll_into_view_if_needed()
    x, y = page.evaluate(where)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 70, y + 40, steps=5)
    page.mouse.up()
    expect(page.locator(".lv-said")).to_contain_text("became")
    assert "moved%3A" in page.url
    page.get_by_role("group", name="Drop heads").get_by_role("button").nth(3).click()
    page.wait_for_function("new URL(location).searchParams.get('edit').includes('heads:3')")
    assert page.console_errors == []


def test_a_picture_of_ones_own_is_looked_at_and_carries_its_label(opened, tmp_path):
    page = opened()
    settle(page)
    page.get_by_role("button", name="Own picture").click()
    Image.fromarray(render(scene_generator(3, 1), (300, 520)).image).save(tmp_path / "mine.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.png")
    expect(page.locator(".lv-result .dv-honesty")).to_contain_text("your own picture")
    assert page.evaluate("document.querySelector('.lv').__live.result.answer.title") == "mine.png"
    shown = page.evaluate(
        "(({ width, height }) => [width, height])"
        "(document.querySelector('.lv').__live.result.answer.shown)"
    )
    assert shown == [400, 300]
    assert page.console_errors == []


def test_broken_and_huge_pictures_are_refused_in_a_sentence(opened, tmp_path):
    page = opened()
    settle(page)
    page.get_by_role("button", name="Own picture").click()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing of a picture")
    Image.new("1", (8000, 5200)).save(tmp_path / "huge.png")
    alert = page.locator(".lv-alert")
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.jpg")
    expect(alert).to_contain_text("broken.jpg is no picture that this browser reads")
    page.locator("input[type=file]").set_input_files(tmp_path / "huge.png")
    expect(alert).to_contain_text("huge.png has 42 megapixels, more than the 40 allowed")
    page.get_by_role("button", name="Scene", exact=True).click()
    expect(alert).to_be_empty()


def test_an_interrupted_download_is_said_and_can_be_tried_again(opened, live):
    broken = live[2]
    broken.append(".onnx")
    page = opened()
    expect(page.locator(".lv-alert")).to_contain_text("The download was interrupted")
    assert page.locator(".lv-stage canvas").count() == 2
    broken.clear()
    page.get_by_role("button", name="Try again").click()
    settle(page)
    expect(page.locator(".lv-alert")).to_be_empty()
    page.get_by_role("link", name="deformviz").click()
    expect(page.locator("main")).to_contain_text("Stored.")


def test_a_browser_without_simd_is_told_so_and_scenes_still_move(opened, page):
    page.add_init_script("WebAssembly.validate = () => false")
    opened()
    expect(page.locator(".lv-status")).to_contain_text("it lacks WebAssembly with SIMD")
    page.locator(".lv-controls select").first.select_option("2")
    assert page.evaluate("document.querySelector('.lv').__live.scene.chosen") == 2
    assert page.console_errors == []


@pytest.mark.parametrize(("name", "word"), [("live.html", "Scene"), ("zh/live.html", "场景")])
def test_the_page_fits_and_is_accessible_wide_and_narrow_light_and_dark(opened, axe, name, word):
    page = opened(name=name)
    page.wait_for_selector(DRAWN, timeout=60_000)
    assert word in page.inner_text(".lv-head")
    for width, height, scheme in ((1440, 900, "light"), (390, 844, "dark")):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), width
        assert [one["id"] for one in axe(page)] == []
    assert page.console_errors == []
