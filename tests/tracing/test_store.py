"""Stored traces: written once, read without torch, equal to a fresh run."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import deformviz as dv
from deformviz.tracing.store import read_index, write_store


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    images = folder / "images"
    images.mkdir()
    rng = np.random.default_rng(1)
    for name, size_hw in {"wide": (40, 80), "tall": (70, 50)}.items():
        Image.fromarray(rng.integers(0, 256, (*size_hw, 3), dtype=np.uint8)).save(
            images / f"{name}.png"
        )
    (images / "scenes.json").write_text(
        '[{"name": "wide", "title": "A wide one"}, {"name": "tall", "title": "A tall one"}]'
    )
    heard = []
    write_store(model, images, folder / "traces", on_progress=lambda *step: heard.append(step))
    assert heard == [(1, 2), (2, 2)]
    return folder, model


def test_pictures_keep_the_order_and_titles_of_their_list(store):
    found = read_index(store[0] / "traces")
    assert [(trace.name, trace.title) for trace in found] == [
        ("wide", "A wide one"),
        ("tall", "A tall one"),
    ]
    assert found[0].original_hw == (40, 80) and len({trace.key for trace in found}) == 2


def test_a_stored_layer_equals_a_fresh_run_within_a_hundredth_of_a_pixel(store):
    folder, model = store
    stored = read_index(folder / "traces")[1]
    fresh = dv.run(model, folder / "images" / "tall.png")
    for name in stored.layers:
        kept, layer = stored.layer(name), fresh[name]
        assert stored.header(name) == kept.header
        if not name.endswith(".self"):  # among queries: no locations
            error = np.abs(kept.locations - layer.sampling_locations.numpy()).max()
            assert error * 80 < 0.01
        np.testing.assert_allclose(kept.weights, layer.attention_weights.numpy(), atol=2e-5)


def test_reading_needs_no_torch(store):
    code = (
        "import sys; from deformviz.tracing.store import read_index; "
        f"t = read_index({str(store[0] / 'traces')!r})[0]; t.layer(t.layers[0]); "
        "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_incomplete_picture_is_left_out(store, tmp_path, caplog):
    folder, model = store
    write_store(model, folder / "images", tmp_path / "traces")
    (tmp_path / "traces" / "wide" / "encoder.0.bin.gz").unlink()
    (tmp_path / "traces" / "tall" / "meta.json").write_text("{")
    assert read_index(tmp_path / "traces") == []
    assert "tall cannot be read" in caplog.text


def test_a_folder_without_pictures_is_refused(store, tmp_path):
    with pytest.raises(ValueError, match="holds no pictures"):
        write_store(store[1], tmp_path, tmp_path / "traces")
    with pytest.raises(KeyError, match="has no stored layer 'encoder.9'"):
        read_index(store[0] / "traces")[0].layer("encoder.9")
