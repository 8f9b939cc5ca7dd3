"""Models of others in Chromium: recorded, saved, dropped on Explore, pointed at, taken along.

RT-DETR, Grounding DINO with a prompt, Mask2Former with masks, D-FINE with unequal points: what the
browser shows and hands out of each is compared with its trace.
"""

import csv
import json
import re
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import expect

import deformviz as dv
from deformviz import bundles
from deformviz.geometry import normalised_to_original
from deformviz.schema import SHOWN_SCORE
from tests.app.canvas.canvas_page import (
    click,
    counters,
    eventually,
    expect_pressed,
    hover,
    picture_of,
)
from tests.tracing.looked_at import looked_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SVG = "{http://www.w3.org/2000/svg}"
PATIENCE_MS = 120_000
FAMILIES = ("rt_detr", "grounding_dino", "mask2former", "d_fine")
PLACES = [(0.22, 0.31), (0.71, 0.58)]  # shares of the picture that are pointed at
WRITTEN_PX = 1e-3  # digits of a CSV
DRAWN_PX = 0.6  # of a figure a thousand pixels long, whose coordinates are rounded


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One saved recording per family."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("files")
    return {name: looked_at(name, title=name).save(folder / name) for name in FAMILIES}


class Known:
    """The last layer of a recording, and what its picture must say."""

    def __init__(self, path):
        recording = dv.open(path)
        self.layer = list(recording)[-1]
        self.trace, self.found = recording.trace()[self.layer], recording.images[0].detections
        self.frame = recording.images[0].frame
        self.to_px = normalised_to_original(self.frame)
        self.is_encoder = self.layer.startswith("encoder")

    def query_at(self, share_x, share_y):
        """Whom a place means: the cell of level 1, the smallest box around it, or the nearest."""
        height, width = self.frame.original_hw
        seen = np.array([share_x, share_y]) * np.divide(
            self.frame.resized_hw[::-1], self.frame.padded_hw[::-1]
        )
        if self.is_encoder:
            (rows, columns), before = self.trace.spatial_shapes[1], self.trace.spatial_shapes[:1]
            row, column = int(seen[1] * rows), int(seen[0] * columns)
            return int(before.prod(1).sum() + row * columns + column)
        sure = [(n, q) for n, q in enumerate(self.queries_found) if self.score[q] >= SHOWN_SCORE]
        at = np.array([share_x * width - 0.5, share_y * height - 0.5])
        around = []
        for number, query in sure:
            x0, y0, x1, y1 = self.found.boxes_xyxy_px[number].tolist()
            if x0 <= at[0] <= x1 and y0 <= at[1] <= y1:
                around.append(((x1 - x0) * (y1 - y0), query))
        if around:
            return min(around)[1]
        choices = [query for _, query in sure] or range(len(self.trace.attention_weights))
        references = self.trace.references[:, 0, :2].numpy()
        apart = (references - seen) * self.frame.padded_hw[::-1]
        return min(choices, key=lambda query: np.hypot(*apart[query]))

    @property
    def queries_found(self):
        return [] if self.found is None else self.found.queries.tolist()

    @property
    def score(self):
        best = {}
        for query, score in zip(self.queries_found, self.found.scores.tolist(), strict=True):
            best[query] = max(score, best.get(query, 0))
        return best

    def places(self, query):
        """Where its samples lie in pixels of the picture, and their weights, a row per head."""
        places = self.to_px(self.trace.locations_by_sample[query].double().numpy())
        return places, self.trace.weights_by_sample[query].double().numpy()


def test_what_a_file_holds_beside_its_samples(files):
    """Masks of a Mask2Former, what a prompt found, unequal points."""
    masks = dv.open(files["mask2former"]).images[0].detections.masks
    assert masks.shape[1:] == (90, 144) and masks.any()
    assert len(dv.open(files["grounding_dino"]).images[0].detections) == 9
    assert dv.open(files["d_fine"])["decoder.1"].points_per_level == (3, 4, 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recording_is_dropped_pointed_at_and_taken_along(page, server, files, family, tmp_path):
    known = Known(files[family])
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server + "/explore")
    drawn(page)
    page.get_by_text("Use your own picture").click()
    page.locator("input[type=file]").set_input_files(files[family])
    page.wait_for_url(re.compile("/recordings"))
    expect(page.get_by_text("of the largest output apart")).to_be_visible(timeout=PATIENCE_MS)
    drawn(page)
    for place in PLACES:
        before = picture_of(page)
        hover(page, *place)
        eventually(page, lambda before=before: picture_of(page) != before)
        query = known.query_at(*place)
        points = known.trace.weights_by_sample[query].numel()
        expect(page.locator(".dv-status")).to_contain_text(f"{points} points")
        click(page, *place)  # pins, so that the way to the menu changes nothing
        expect_pressed(page, "Pin")
        holds_rows(rows_of(export(page, "CSV of the points")), known, query)
        got = export(page, "SVG picture")
        assert got.suggested_filename.endswith(f"-query-{query}.svg")
        holds_marks(got.path().read_text(), known, query)
        page.get_by_role("button", name="Pin", exact=True).click()
    click(page, *PLACES[0])
    alone = tmp_path / "alone.html"
    export(page, "Offline HTML").save_as(alone)
    # Streamlit looks for itself below the address of a page first, and is not there.
    page.console_errors = [error for error in page.console_errors if "404" not in error]
    assert page.console_errors == []
    opens_alone(page, alone, known, known.query_at(*PLACES[0]))


def drawn(page):
    page.locator(".dv-explorer:not([aria-busy])").wait_for()
    eventually(page, lambda: counters(page)["redraws"] > 0)


def export(page, name):
    page.locator(".dv-menu summary").click()
    with page.expect_download() as caught:
        page.locator(".dv-menu").get_by_role("button", name=name).click()
    return caught.value


def rows_of(download):
    return list(csv.DictReader(download.path().read_text().splitlines()))


def holds_rows(rows, known, query):
    """Every sample of the query once, at the place and with the weight of the trace."""
    places, weights = known.places(query)
    heads, samples = weights.shape
    assert len(rows) == heads * samples and {int(row["query"]) for row in rows} == {query}
    starts = np.cumsum((0, *known.trace.points_per_level))
    everywhere = known.to_px(known.trace.locations_by_sample.double().numpy().reshape(-1, 2))
    written = np.ptp(everywhere, axis=0).max() / 65535 + WRITTEN_PX
    for row in rows:
        sample = starts[int(row["level"])] + int(row["point"])
        at = int(row["head"]), sample
        assert [float(row["x px"]), float(row["y px"])] == pytest.approx(places[at], abs=written)
        assert float(row["weight"]) == pytest.approx(weights[at], abs=weights.max() / 1e4)


def holds_marks(text, known, query):
    """A mark for each of its samples inside the picture, at the very place."""
    root = ElementTree.fromstring(text)
    (image,) = root.iter(f"{SVG}image")
    height, width = known.frame.original_hw
    scale = float(image.get("width")) / width, float(image.get("height")) / height
    discs = [[float(node.get("cx")), float(node.get("cy"))] for node in root.iter(f"{SVG}circle")]
    corners = [
        [[float(number) for number in corner.split(",")] for corner in node.get("points").split()]
        for node in root.iter(f"{SVG}polygon")
    ]
    marks = np.array([*discs, *(np.mean(points, axis=0) for points in corners)])
    places = known.places(query)[0].reshape(-1, 2)
    inside = ((places > -0.5) & (places < np.array([width, height]) - 0.5)).all(1)
    assert inside.any()
    for place in (places[inside] + 0.5) * scale:
        assert np.abs(marks - place).max(1).min() < DRAWN_PX


def opens_alone(page, path, known, query):
    """The page from a file, without a server, where the visitor was."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    drawn(page)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    points = known.trace.weights_by_sample[query].numel()
    expect(page.locator(".dv-status")).to_contain_text(f"{points} points")
    expect(page.locator(".dv-status")).to_contain_text("pinned")
    holds_rows(rows_of(export(page, "CSV of the points")), known, query)
    assert page.console_errors == []


# -- notebooks -----------------------------------------------------------------------------------

CELLS = """
import deformviz as dv
from deformviz.figures.showing import StaticPage
recording = dv.open({path!r})
print(recording.verify())
---
explorer = recording.show()
explorer
---
recording.figure(query=3)
---
StaticPage(recording.to_html())
"""


@pytest.fixture(scope="module")
def notebook(files):
    """A notebook about the D-FINE, run by a kernel of its own."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("anywidget")
    pytest.importorskip("ipykernel")
    import nbformat

    source = CELLS.format(path=str(files["d_fine"]))
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in source.split("---")]
    made = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(made, timeout=300, kernel_name="python3").execute()
    return made


def test_a_notebook_says_the_proof_and_draws_the_figure(notebook, files):
    printed, _, figure, _ = (cell.outputs for cell in notebook.cells)
    assert "decoder.1" in printed[0].text and "DIFFERS" not in printed[0].text
    holds_marks(figure[0].data["image/svg+xml"], Known(files["d_fine"]), 3)


@pytest.mark.parametrize("cell", [1, 3], ids=["a widget nobody runs", "a page in a frame"])
def test_a_notebook_that_is_read_without_a_kernel_shows_the_picture(
    page, notebook, files, cell, tmp_path
):
    known = Known(files["d_fine"])
    (shown,) = notebook.cells[cell].outputs
    path = tmp_path / "read.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{shown.data['text/html']}")
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(".dv-explorer:not([aria-busy])").wait_for()
    box = frame.locator(".dv-stage").bounding_box()
    x, y = PLACES[0]
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    points = known.trace.weights_by_sample[0].numel()
    expect(frame.locator(".dv-status")).to_contain_text(f"{points} points")
    assert page.console_errors == []


WIDGET_PAGE = """<!doctype html><meta charset="utf-8"><style>{style}</style><main id="here"></main>
<script type="application/json" id="state">{state}</script><script type="module">
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const {{ state, buffers }} = JSON.parse(document.getElementById("state").textContent);
for (const {{ path, data }} of buffers) {{
  const place = path.slice(0, -1).reduce((at, step) => at[step], state);
  place[path.at(-1)] = new DataView(bytes(data).buffer);
}}
window.kept = {{}};
const model = {{
  get: (key) => state[key],
  set: (key, value) => {{ state[key] = value; window.kept[key] = value; }},
  save_changes: () => {{}}, on: () => {{}}, off: () => {{}},
}};
const script = URL.createObjectURL(new Blob([state._esm], {{ type: "text/javascript" }}));
const widget = await import(script);
widget.default.render({{ model, el: document.getElementById("here") }});
</script>"""


def test_the_widget_of_an_executed_notebook_runs_and_tells_its_query(
    page, notebook, files, tmp_path
):
    """As a notebook's front end does it: script and state come from what the kernel saved."""
    known = Known(files["d_fine"])
    widgets = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    (saved,) = (one for one in widgets.values() if "_esm" in one["state"])
    assert bundles.read("sampling.js") == saved["state"]["_esm"]
    assert any(b64decode(one["data"])[:2] == b"\x1f\x8b" for one in saved["buffers"])
    path = tmp_path / "widget.html"
    state = json.dumps({"state": saved["state"], "buffers": saved["buffers"]})
    path.write_text(
        WIDGET_PAGE.format(style=saved["state"]["_css"], state=state.replace("<", "\\u003c"))
    )
    page.goto(path.as_uri())
    drawn(page)
    click(page, *PLACES[1])
    query = known.query_at(*PLACES[1])
    page.wait_for_function("query => window.kept.view?.query === query", arg=query)
    holds_rows(rows_of(export(page, "CSV of the points")), known, query)
    assert page.console_errors == []
