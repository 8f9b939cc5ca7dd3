"""A layer that does not replay is said to be wrong in red, and nothing of it is drawn as truth."""

import json
from dataclasses import replace

import pytest
import torch

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.tracing.packing import pack_layer, read_header, with_header
from deformviz.tracing.packing_grid import pack_grid
from deformviz.tracing.run import run
from tests.drawing import record
from tests.drawing.engine import engine
from tests.drawing.views import View
from tests.models.tiny_detector import RECIPE, tiny_detector

pytestmark = pytest.mark.browser
RED = "rgb(176, 0, 32)"
PAGES = {  # kind of canvas -> a stored layer
    "sampling": "traces/garden/encoder.1",
    "grid": "grids/single-cat/stages.2.attns.0",
    "keys": "keys/garden/key-sets",
}


def scaled(module_class, monkeypatch, factor):
    """Modules whose traces say other weights than were used: times `factor`."""
    forward = module_class.forward

    def lying(self, *given, **options):
        output, trace = forward(self, *given, **options)
        if trace is not None:
            trace = replace(trace, attention_weights=trace.attention_weights * factor)
        return output, trace

    monkeypatch.setattr(module_class, "forward", lying)


@pytest.mark.parametrize(("factor", "agrees"), [(1.0, True), (1.01, False)])
def test_weights_one_per_cent_too_large_are_found_by_the_replay(monkeypatch, factor, agrees):
    from tests.analysis.test_attribution import picture

    model = tiny_detector(**RECIPE).eval()
    scaled(MultiScaleDeformableAttention, monkeypatch, factor)
    trace = run(model, picture())
    for layer in ("encoder.0", "decoder.1"):
        assert trace.proofs[layer].agrees == agrees
        said = read_header(pack_layer(trace, layer))[0]["proof"]
        assert (said["difference"] <= said["tolerance"]) == agrees


def disproved(blob, difference):
    """A stored layer as it would say of itself that its replay was so far off."""
    header, start = read_header(blob)
    proof = {"difference": difference, "tolerance": 1e-5, "placement": None}
    return with_header({**header, "proof": proof}, blob[start:])


def badge_of(page):
    page.wait_for_timeout(record.SETTLED_MS)
    badge = page.locator(".dv-proof").first
    colour = badge.evaluate("(node) => getComputedStyle(node).backgroundColor")
    return badge.inner_text(), colour, record.read_drawn(page)


@pytest.mark.slow
@pytest.mark.parametrize("difference", [0.0099, "nan"])
@pytest.mark.parametrize("kind", PAGES)
def test_a_wrong_layer_gets_a_red_badge_and_no_marks(browser, monkeypatch, kind, difference):
    asset = PAGES[kind]
    with record.opened(browser, View("", kind, asset)) as page:
        words, colour, right = badge_of(page)
    assert words.startswith("replayed: ") and colour != RED
    assert len(right["marks"].splitlines()) > 50
    wrong_blob = disproved(record.packed(asset), difference)
    monkeypatch.setitem(record.HANDED, asset, wrong_blob)
    with record.opened(browser, View("", kind, asset)) as page:
        words, colour, wrong = badge_of(page)
    assert words.startswith("does not agree with the model: ") and colour == RED
    assert len(wrong["marks"].splitlines()) == 4  # cleared, and nothing painted
    assert wrong["photo"] == right["photo"]


@pytest.mark.slow
def test_one_wrong_snapshot_reddens_the_replay(browser, monkeypatch):
    last = "traces/rainy-day/decoder.2"  # stands for the last snapshot
    view = View("", "replay", "sampling", width_px=1000)
    with record.opened(browser, view) as page:
        assert badge_of(page)[:2][0].startswith("replayed: ")
    monkeypatch.setitem(record.HANDED, last, disproved(record.packed(last), 0.01))
    with record.opened(browser, view) as page:
        words, colour, drawn = badge_of(page)
    assert words.startswith("does not agree") and colour == RED
    assert len(drawn["last marks"].splitlines()) == 4 < len(drawn["now marks"].splitlines())


def test_a_layer_nobody_replayed_says_so(browser, monkeypatch):
    asset = PAGES["sampling"]
    header, start = read_header(record.packed(asset))
    blob = record.packed(asset)
    bare = with_header({**header, "proof": None}, blob[start:])
    monkeypatch.setitem(record.HANDED, asset, bare)
    with record.opened(browser, View("", "sampling", asset)) as page:
        words, colour, drawn = badge_of(page)
    assert words == "not replayed" and colour != RED
    assert len(drawn["marks"].splitlines()) > 50


def test_figures_and_lists_of_marks_leave_a_wrong_layer_out():
    for kind, asset in PAGES.items():
        drawing = engine(kind)
        layer = drawing.decode(disproved(record.packed(asset), 0.5))
        marks = drawing.ask("marks", layer=layer, width=600, height=400)
        assert marks["photo"]
        assert not any(drawn for surface, drawn in marks.items() if surface != "photo")
        palette = json.dumps(record.canvases.mount_data(kind)["palette"])
        shown = drawing.evaluate(
            f"deformviz.figure({{layer: layers[{layer}], view: {{}}, "
            f"palette: {palette}}}, {{}}).marks.map("
            "(mark) => mark.layer)"
        )
        assert set(shown) <= {"paper", "photo", "picture", "legend"}


def test_a_grid_whose_weights_are_too_large_is_found(monkeypatch):
    from deformviz.schema import ImageFrame, Trace
    from deformviz.tracing.proving import proving

    torch.manual_seed(2)
    layer = DATAttention(8, 4, 2, (6, 10), version="v1", stride=2, offset_kernel=5).eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    for factor, agrees in ((1.0, True), (1.01, False)):
        with monkeypatch.context() as patched, torch.no_grad():
            scaled(DATAttention, patched, factor)
            with proving(torch.nn.ModuleDict({"stage": layer})) as proofs:
                _, record_ = layer(torch.randn(1, 8, 6, 10))
        (proof,) = proofs.values()
        assert proof.agrees == agrees
        frame = ImageFrame((60, 100), (60, 100), (60, 100))
        trace = Trace({"grid": record_.image(0)}, frame, proofs={"grid": proof})
        assert read_header(pack_grid(trace, "grid"))[0]["proof"]["difference"] == proof.difference
