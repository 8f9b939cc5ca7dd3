"""What the browser computes, against geometry.py and against autograd of the reference."""

import base64
import io

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.geometry import cell_centres, normalised_to_original, to_pixel_index
from deformviz.tracing.packing import (
    decompress,
    pack_layer,
    read_header,
    unpack_layer,
    with_header,
)
from tests.app.canvas.canvas_page import expect_status, load_canvas, open_canvas, packed, press
from tests.app.synthetic_trace import (
    FRAME,
    HEADS,
    SHAPES,
    synthetic_trace,
    with_unequal_levels,
)

pytestmark = pytest.mark.browser

MODULES = (
    "kit/cells",
    "kit/frames",
    "kit/glyphs",
    "kit/packed",
    "sampling/bilinear",
    "sampling/decode",
)
CELLS = int(SHAPES.prod(axis=1).sum())


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(viewport={"width": 900, "height": 600}, accept_downloads=True)
    page = context.new_page()
    load_canvas(page, modules=MODULES)
    open_canvas(page, "encoder.1")
    yield page
    context.close()


@pytest.fixture(scope="module")
def layer():
    return unpack_layer(packed("encoder.1"))


def run_on_layer(tab, body, blob=None):
    """The result of a JavaScript body that sees `layer`, decoded from the packed bytes."""
    return tab.evaluate(
        """async ([bytes, body]) => {
        const data = code.decodeLayer(await code.unzipped(code.bytes(bytes)));
        return new Function("layer", body)(data);
    }""",
        [base64.b64encode(blob or packed("encoder.1")).decode(), body],
    )


def read_amounts(layer, queries):
    """d(sum of outputs) / d(value): what `queries` read from every cell, [head pixel]."""
    value = torch.ones(1, CELLS, HEADS, 1, dtype=torch.float64, requires_grad=True)
    output = ms_deform_attn_reference(
        value,
        torch.as_tensor(SHAPES),
        torch.as_tensor(layer.locations[None, queries]).double(),
        torch.as_tensor(layer.weights[None, queries]).double(),
    )
    output.sum().backward()
    return value.grad[0, :, :, 0].T.numpy()


# -- frames --------------------------------------------------------------------------------------


def apply(tab, function, affine, points):
    return tab.evaluate(
        "([name, affine, points]) => points.map((p) => code[name](affine, ...p))",
        [function, affine, points.tolist()],
    )


def test_frame_changes_equal_those_of_geometry(tab, layer):
    points = np.random.default_rng(0).uniform(-0.4, 1.4, (50, 2))
    for name, expected in {
        "to_original": normalised_to_original(FRAME)(points),
        "to_padded": to_pixel_index(points, FRAME.padded_hw),
    }.items():
        got = apply(tab, "applyAffine", layer.header[name], points)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-9)
        back = apply(tab, "applyInverse", layer.header[name], expected)
        np.testing.assert_allclose(back, points, rtol=0, atol=1e-12)


def test_the_browser_reads_the_same_numbers(tab, layer):
    for index in [(0, 0, 0, 0), (839, 3, 2, 2), (417, 2, 1, 0)]:
        x, y, weight = run_on_layer(
            tab,
            f"""
            const {{x, y, weight}} = layer.sample(...{list(index)}); return [x, y, weight];""",
        )
        assert [x, y] == pytest.approx(layer.locations[index].tolist(), abs=1e-6)
        assert weight == pytest.approx(float(layer.weights[index]), abs=1e-7)


def test_levels_may_have_different_numbers_of_points(tab):
    trace = with_unequal_levels(synthetic_trace(), "encoder.0", (1, 3, 2))
    record = trace["encoder.0"]
    blob = pack_layer(trace, "encoder.0")
    firsts = {(0, 0): 0, (1, 2): 3, (2, 0): 4, (2, 1): 5}  # (level, point) -> place among 6
    for (level, point), at in firsts.items():
        x, y, weight = run_on_layer(
            tab,
            f"""const {{x, y, weight}} = layer.sample(417, 2, {level}, {point});
            return [x, y, weight];""",
            blob,
        )
        assert [x, y] == pytest.approx(record.sampling_locations[417, 2, at], abs=1e-4)
        assert weight == pytest.approx(float(record.attention_weights[417, 2, at]), abs=1e-5)
    mass = run_on_layer(
        tab,
        """const work = code.samplingMass(layer, 1, [0, 1, 2, 3]);
        let step = work.next(); while (!step.done) step = work.next();
        return step.value.total;""",
        blob,
    )
    assert mass == pytest.approx(float(record.attention_weights[:, :, 1:4].sum()), rel=1e-4)
    shown = run_on_layer(
        tab,
        "return layer.strongest(0, {heads: [1], levels: [1, 2], top: 0}).length",
        blob,
    )
    assert shown == 5


def test_files_from_before_levels_could_differ_are_read_as_ever(tab, layer):
    header, start = read_header(decompress(packed("encoder.1")))
    points, *_ = header.pop("points_per_level")
    blob = with_header({**header, "points": points}, decompress(packed("encoder.1"))[start:])
    x, y = run_on_layer(tab, "const {x, y} = layer.sample(839, 3, 2, 2); return [x, y];", blob)
    assert [x, y] == pytest.approx(layer.locations[839, 3, 2, 2].tolist(), abs=1e-6)


def test_pointing_at_a_cell_centre_means_that_cell(tab, layer):
    for level, shape in enumerate(SHAPES.tolist()):
        centres = cell_centres(shape)
        got = run_on_layer(
            tab,
            f"""return {centres.tolist()}.map(([x, y]) => {{
            const {{row, column}} = code.cellUnder(layer, {level}, x, y);
            return code.queryOfCell(layer, {level}, row, column); }});""",
        )
        assert got == list(
            range(
                layer.header["level_starts"][level],
                layer.header["level_starts"][level] + len(centres),
            )
        )


@pytest.mark.parametrize(
    ("x", "y", "place"),
    [
        (0.5, 0.5, "picture"),
        (0.95, 0.5, "padding"),
        (0.5, 0.97, "padding"),
        (1.01, 0.5, "outside"),
        (0.5, -0.001, "outside"),
    ],
)
def test_a_point_falls_in_the_picture_the_padding_or_outside(tab, layer, x, y, place):
    assert tab.evaluate("([h, x, y]) => code.placeOf(h, x, y)", [layer.header, x, y]) == place


# -- sampling mass and reverse look-up -----------------------------------------------------------


@pytest.mark.parametrize(("level", "heads"), [(0, [0, 1, 2, 3]), (1, [2]), (2, [0, 3])])
def test_sampling_mass_is_the_gradient_of_the_reference(tab, layer, level, heads):
    start = layer.header["level_starts"][level]
    height, width = SHAPES[level]
    expected = read_amounts(layer, slice(None))[heads, start : start + height * width].sum(axis=0)
    got = run_on_layer(
        tab,
        f"""const work = code.samplingMass(layer, {level}, {heads});
        let step = work.next(); while (!step.done) step = work.next();
        return [Array.from(step.value.grid), step.value.total, step.value.inside];""",
    )
    np.testing.assert_allclose(got[0], expected, rtol=1e-5, atol=1e-6)
    assert got[1] == pytest.approx(float(layer.weights[:, heads, level].sum()), rel=1e-5)
    assert got[2] == pytest.approx(float(expected.sum()), rel=1e-5)


def test_reverse_look_up_finds_what_each_query_reads(tab, layer):
    level, row, column, heads = 1, 4, 11, [0, 1, 3]
    cell = layer.header["level_starts"][level] + row * SHAPES[level][1] + column
    got = run_on_layer(
        tab,
        f"""
        const found = code.queriesReading(layer, {level}, {row}, {column}, {heads});
        return [Array.from(found.amounts), found.total, found.ranked];""",
    )
    amounts, total, ranked = got
    assert total == pytest.approx(read_amounts(layer, slice(None))[heads, cell].sum(), rel=1e-5)
    for entry in (*ranked[:3], ranked[-1]):
        expected = read_amounts(layer, [entry["query"]])[heads, cell].sum()
        assert entry["amount"] == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert [entry["amount"] for entry in ranked] == sorted(
        (amount for amount in amounts if amount > 0), reverse=True
    )


def test_mass_of_a_large_layer_takes_about_a_tenth_of_a_second(tab):
    took = tab.evaluate("""() => {
        const [queries, heads, points, side] = [17821, 8, 4, 100];
        const locations = new Uint16Array(2 * queries * heads * points);
        for (let at = 0; at < locations.length; at++) locations[at] = (at * 40503) & 65535;
        const weights = new Uint16Array(queries * heads * points).fill(9);
        const layer = {
          levels: [[side, side]], locations, weights, pointsPerLevel: [points],
          header: {queries, weight_scale: 1e-5, location_scale: [2e-5, 2e-5],
                   location_zero: [-0.1, -0.1], to_levels: [[side, -0.5, side, -0.5]]},
          sampleIndex: (query, head) => (query * heads + head) * points };
        const times = [];
        for (let run = 0; run < 5; run++) {
          const started = performance.now();
          const work = code.samplingMass(layer, 0, [0, 1, 2, 3, 4, 5, 6, 7]);
          while (!work.next().done);
          times.push(performance.now() - started);
        }
        return Math.min(...times); }""")
    assert took < 400  # a busy machine is several times slower than a quiet one


# -- marks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["circle", "square", "diamond", "triangle-up", "pentagon"])
def test_every_shape_has_the_area_of_its_disc(tab, shape):
    outline = tab.evaluate("(shape) => code.markerOutline(shape, 3, 4, 5)", shape)
    if shape == "circle":
        assert outline is None
        return
    x, y = np.array(outline).T
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    assert area == pytest.approx(np.pi * 25)
    assert [x.mean(), y.mean()] == pytest.approx([3, 4])


def test_marker_area_is_proportional_to_weight(tab):
    open_canvas(tab, "encoder.1")
    press(tab, "m")
    expect(tab.locator(".dv-sizes circle")).to_have_count(3)
    radii = tab.evaluate("""() => Array.from(document.querySelectorAll(".dv-sizes circle"),
        (circle) => Number(circle.getAttribute("r")))""")
    assert np.square(radii) / np.square(radii[-1]) == pytest.approx(
        np.array([0.02, 0.1, 0.3]) / 0.3, rel=0.02
    )


def test_the_csv_holds_the_exact_numbers_of_the_table(tab, layer):
    open_canvas(tab, "encoder.1", view={"q": "650", "pin": "1", "heads": "2", "top": "5"})
    tab.locator(".dv-menu summary").click()
    with tab.expect_download() as caught:
        tab.get_by_role("button", name="CSV of the points").click()
    rows = np.genfromtxt(
        io.StringIO(caught.value.path().read_text()),
        delimiter=",",
        names=True,
        dtype=None,
        encoding="utf-8",
    )
    assert len(rows) == 5 and set(rows["head"]) == {2} and set(rows["query"]) == {650}
    weights = np.sort(layer.weights[650, 2].ravel())[::-1][:5]
    np.testing.assert_allclose(rows["weight"], weights, rtol=1e-6)
    for row in rows:
        location = layer.locations[650, 2, row["level"], row["point"]].astype(float)
        assert [row["x_px"], row["y_px"]] == pytest.approx(
            normalised_to_original(FRAME)(location), abs=1e-3
        )
        offset = to_pixel_index(location, SHAPES[row["level"]]) - to_pixel_index(
            layer.references[650, row["level"]].astype(float), SHAPES[row["level"]]
        )
        assert [row["Δx"], row["Δy"]] == pytest.approx(offset, abs=1e-4)
    expect_status(tab, "5 points")
