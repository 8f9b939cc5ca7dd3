"""Caches are bounded in bytes and keyed by content; addresses of runs cannot be guessed."""

import hashlib
import io
import threading

import numpy as np
import pytest
from PIL import Image

from app import runs, session
from app.session import ByteCache
from app.sources import own_picture

SECONDS = 60


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_cache_drops_what_was_not_used_for_longest():
    cache = ByteCache(100)
    for name in "abc":
        cache.put(name, name.upper(), 40 if name != "c" else 20)
    assert cache.get("a") == "A"
    cache.put("d", "D", 30)
    assert [cache.get(name) for name in "abcd"] == ["A", None, "C", "D"]
    assert cache.size_bytes == 90


def test_the_newest_value_stays_even_if_it_is_larger_than_the_budget():
    cache = ByteCache(100)
    cache.put("small", 1, 10)
    cache.put("huge", 2, 1000)
    assert (cache.get("small"), cache.get("huge"), len(cache)) == (None, 2, 1)


def test_putting_again_replaces_and_does_not_count_twice():
    cache = ByteCache(100)
    cache.put("a", 1, 60)
    cache.put("a", 2, 70)
    assert (cache.get("a"), cache.size_bytes) == (2, 70)


@pytest.fixture
def tiny(tiny_server):
    return runs.list_models()["tiny.safetensors"]


def run_now(source, model, who="anna"):
    key = runs.request(source, model, who)
    progress = session.QUEUE.wait(key, SECONDS)
    assert progress is None or progress.state == "done", progress
    return runs.find(key)


def test_two_pictures_that_differ_in_one_pixel_do_not_share_a_run(tiny):
    """Streamlit's caches hash arrays of this size by a sample of their numbers."""
    pixels = np.full((450, 600, 3), 127, np.uint8)
    assert pixels.size > 500_000
    other = pixels.copy()
    other[200, 301] = 255
    first = run_now(own_picture("one", png(pixels)), tiny)
    second = run_now(own_picture("other", png(other)), tiny)
    assert first.key != second.key
    name = "encoder.0/attention_weights"
    assert not np.array_equal(first.exact[name], second.exact[name])


def test_equal_pictures_of_ten_sessions_are_one_run(tiny, monkeypatch):
    all_asked, calls, load = threading.Event(), [], runs.load_model

    def wait_and_load(*arguments):
        calls.append(arguments)
        assert all_asked.wait(SECONDS)
        return load(*arguments)

    monkeypatch.setattr(runs, "load_model", wait_and_load)
    data = png(np.random.default_rng(7).integers(0, 256, (30, 44, 3), dtype=np.uint8))
    keys = {
        runs.request(own_picture(f"{who}.png", data), tiny, f"person {who}") for who in range(10)
    }
    all_asked.set()
    late = run_now(own_picture("late.png", data), tiny, "late")
    assert keys == {late.key} and len(calls) == 1


def test_a_key_cannot_be_derived_from_the_picture(monkeypatch):
    data = b"the bytes of a picture"
    content = hashlib.sha256(data).hexdigest()
    key = session.run_key("model", content)
    assert key not in (content[:32], hashlib.sha256(f"model|{content}".encode()).hexdigest()[:32])
    monkeypatch.setattr(session, "_SECRET", b"of another process")
    assert session.run_key("model", content) != key


def test_what_is_shared_cannot_be_written_to(tiny):
    run = run_now(own_picture("p", png(np.zeros((20, 28, 3), np.uint8))), tiny)
    layer = session.unpacked(run, "decoder.1")
    for array in (layer.weights, layer.locations, layer.references, *run.exact.values()):
        if array.dtype.kind == "f":
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    assert session.unpacked(run, "decoder.1") is layer


def test_a_hostile_upload_fails_with_its_sentence(tiny):
    source = own_picture("notes.txt", b"not a picture")
    key = runs.request(source, tiny, "anna")
    assert "not an image this program reads" in session.QUEUE.wait(key, SECONDS).error


def test_exact_numbers_are_those_of_the_model(tiny):
    from deformviz.checkpoints.load import load
    from deformviz.tracing.run import run

    data = png(np.random.default_rng(9).integers(0, 256, (26, 38, 3), dtype=np.uint8))
    source = own_picture("p", data)
    with np.load(io.BytesIO(runs.exact_npz(source, tiny, "anna"))) as archive:
        trace = run(load(tiny.path), data)
        for layer in ("encoder.1", "decoder.0"):
            expected = trace[layer].sampling_locations.numpy()
            assert archive[f"{layer}/sampling_locations"].dtype == np.float32
            # Two runs: the number of threads of each decides the order of a few sums.
            np.testing.assert_allclose(
                archive[f"{layer}/sampling_locations"], expected, rtol=0, atol=1e-6
            )
        assert "query head level point xy" in str(archive["about.json"])
