"""Runs are kept by the content of their pictures, shared by visitors, and exact to the number."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from app import dropped, runs, work
from app.sources import own_picture

SECONDS = 60


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def tiny(tiny_server):
    return runs.list_models()["tiny.safetensors"]


@pytest.fixture
def own(tmp_path):
    """A picture of one's own, as it lies on the server."""
    kept = dropped.KeptFiles(lambda: tmp_path, budget_bytes=10**9)
    return lambda title, data: own_picture(title, kept.keep(data, title, "anna"))


def run_now(source, model, who="anna"):
    ticket = runs.request(source, model, who)
    progress = work.wait(ticket.key, SECONDS)
    assert progress is None or progress.state == "done", progress
    return runs.find(ticket.key)


def test_two_pictures_that_differ_in_one_pixel_do_not_share_a_run(tiny, own):
    """Streamlit's caches hash arrays of this size by a sample of their numbers."""
    pixels = np.full((450, 600, 3), 127, np.uint8)
    assert pixels.size > 500_000
    other = pixels.copy()
    other[200, 301] = 255
    first = run_now(own("one", png(pixels)), tiny)
    second = run_now(own("other", png(other)), tiny)
    assert first.key != second.key
    name = "encoder.0/attention_weights"
    with np.load(first.exact) as one, np.load(second.exact) as another:
        assert not np.array_equal(one[name], another[name])


def test_equal_pictures_of_ten_visitors_are_one_run(tiny, own):
    work.ask("busy", "tests.app.pieces_of_work:until_stopped", visitor="somebody else")
    data = png(np.random.default_rng(7).integers(0, 256, (30, 44, 3), dtype=np.uint8))
    try:
        tickets = [runs.request(own(f"{who}.png", data), tiny, f"person {who}") for who in range(9)]
        waiting = [key for key in work.LANES[work.QUICK].line.keys() if key != "busy"]
    finally:
        work.leave("busy", "somebody else")
    late = run_now(own("late.png", data), tiny, "late")
    assert {ticket.key for ticket in tickets} == {late.key} == set(waiting)


def test_who_shares_a_run_sees_their_own_file_name_only(tiny, own):
    data = png(np.full((22, 30, 3), 90, np.uint8))
    mine, yours = own("my holiday.png", data), own("your diary.png", data)
    assert run_now(mine, tiny).key == run_now(yours, tiny).key
    assert runs.finished(mine, tiny).title == "my holiday.png"
    assert runs.finished(yours, tiny).title == "your diary.png"
    with np.load(io.BytesIO(runs.exact_npz(yours, tiny, "ben"))) as archive:
        assert "holiday" not in str(archive["about.json"])
    broken = own("my secret.txt", b"no picture at all")
    ticket = runs.request(broken, tiny, "anna")
    error = work.wait(ticket.key, SECONDS).error
    assert error.startswith("The picture is not an image") and "secret" not in error


def test_what_is_shared_cannot_be_written_to(tiny, own):
    run = run_now(own("p", png(np.zeros((20, 28, 3), np.uint8))), tiny)
    layer = runs.unpacked(run, "decoder.1")
    for array in (layer.weights, layer.locations, layer.references):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert runs.unpacked(run, "decoder.1") is layer


def test_a_hostile_upload_fails_with_its_sentence(tiny, own):
    source = own("notes.txt", b"not a picture")
    ticket = runs.request(source, tiny, "anna")
    assert "not an image this program reads" in work.wait(ticket.key, SECONDS).error


def test_exact_numbers_are_those_of_the_model(tiny, own):
    from deformviz.checkpoints.load import load
    from deformviz.tracing.run import run

    data = png(np.random.default_rng(9).integers(0, 256, (26, 38, 3), dtype=np.uint8))
    source = own("p", data)
    with np.load(io.BytesIO(runs.exact_npz(source, tiny, "anna"))) as archive:
        trace = run(load(tiny.path), data)
        about = json.loads(str(archive["about.json"]))
        layers = {name.partition("/")[0] for name in about["axes"]}
        assert layers == {*trace.layers, "detections"}
        for name, axes in about["axes"].items():
            layer, _, field = name.partition("/")
            record = trace.detections if layer == "detections" else trace[layer]
            expected = np.asarray(getattr(record, field))
            assert archive[name].shape == expected.shape and archive[name].dtype != np.float16
            assert len(axes.split()) == expected.ndim, name
            # Two runs: the number of threads of each decides the order of a few sums.
            np.testing.assert_allclose(archive[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)
        assert "query head level point xy" in str(archive["about.json"])
