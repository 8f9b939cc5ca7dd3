"""What tests of the app share: a tiny model on disk, and a store of its traces."""

from pathlib import Path

import numpy as np
import pytest

SIZES_HW = {"wide": (24, 40), "tall": (36, 20)}
CHECKPOINT = "tiny.safetensors"


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory):
    """A folder with one checkpoint: random weights, two encoder and two decoder layers."""
    import torch

    from deformviz.checkpoints.own import save
    from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig

    torch.manual_seed(11)
    config = DeformableDETRConfig(
        classes=3,
        class_names=("cat", "ball", "tree"),
        hidden_channels=16,
        heads=4,
        levels=3,
        encoder_layers=2,
        decoder_layers=2,
        encoder_points=2,
        decoder_points=2,
        feedforward_channels=16,
        queries=6,
        refine=True,
        backbone="compact",
        backbone_width=8,
        compact_channels=(8, 8, 8, 16, 16),
        compact_blocks=(1, 1, 1, 1),
        projection_groups=4,
        short_side=None,
        long_side=96,
    )
    model = DeformableDETR(config).eval()
    with torch.no_grad():  # fresh offsets and weights would not see the picture
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    folder = tmp_path_factory.mktemp("checkpoints")
    save(model, folder / CHECKPOINT)
    return folder


@pytest.fixture(scope="session")
def tiny_store(tiny_model_folder, tmp_path_factory):
    """A folder of stored traces of two small pictures, "wide" and "tall"."""
    from PIL import Image

    from deformviz.checkpoints.load import load
    from deformviz.tracing.store import write_store

    images = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(2)
    for name, (height, width) in SIZES_HW.items():
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(images / f"{name}.png")
    store = tmp_path_factory.mktemp("store") / "traces"
    write_store(load(tiny_model_folder / CHECKPOINT), Path(images), store)
    return store


@pytest.fixture
def tiny_server(tiny_store, tiny_model_folder, monkeypatch):
    """An environment in which the app sees the tiny store and the tiny model only."""
    monkeypatch.setenv("DEFORMVIZ_TRACES", str(tiny_store))
    monkeypatch.setenv("DEFORMVIZ_CHECKPOINTS", str(tiny_model_folder))
    return tiny_store
