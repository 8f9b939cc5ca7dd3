"""Files of every kind of detector: what the Checkpoint page says, and Explore shows them."""

import pytest
import torch

from deformviz.systems import SYSTEMS
from deformviz.systems.system import referred
from tests.app.visit import settled, texts, visit

SIZES = dict(
    classes=5,
    hidden_channels=32,
    heads=4,
    encoder_layers=1,
    decoder_layers=2,
    feedforward_channels=24,
    queries=6,
    dropout=0.0,
    backbone_width=4,
    short_side=None,
    long_side=160,
)


@pytest.fixture(params=["detr", "dab-detr", "dino", "co-deformable-detr"])
def system(request, tiny_server, tiny_model_folder):
    """The system's record; a file of it lies in the folder of checkpoints."""
    from deformviz.checkpoints.own import save

    record = SYSTEMS[request.param]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = record.build(referred(record.config)(**SIZES)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    save(model, tiny_model_folder / f"{request.param}.safetensors")
    yield record
    (tiny_model_folder / f"{request.param}.safetensors").unlink()


def test_the_checkpoint_page_says_what_it_is(system):
    page = visit("checkpoint", checkpoint=f"{system.name}.safetensors")
    settled(page)
    assert not page.exception
    assert f"A **{system.title}**" in texts(page)


def test_explore_draws_it(system):
    page = visit("explore", model=f"{system.name}.safetensors", img="wide")
    settled(page)
    assert not page.exception
    said = texts(page)
    assert "no sampling points" not in said
    assert "Computed here" in said  # by the model of the file: no such run is stored
