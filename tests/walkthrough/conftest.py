"""Models to derive from: the shipped one, and small random ones of sizes that all differ."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import deformviz as dv
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.preprocess import preprocess
from deformviz.tracing.pictures import read_picture
from deformviz.training.recipe import scenes_config
from deformviz.walkthrough.observe import attention_layers, observe

PICTURE = Path(__file__).parents[2] / "sample_images" / "busy-street.png"
SMALL = replace(
    scenes_config(),
    hidden_channels=24,
    heads=3,
    feedforward_channels=28,
    encoder_layers=1,
    decoder_layers=2,
    queries=7,
    projection_groups=4,
    compact_channels=(8, 8, 16, 16, 16),
    long_side=72,
    encoder_points=2,
)
PAPER = {"content_queries": "from_proposals", "query_position": "pos_trans"}
VARIANTS = {
    "scenes": SMALL,
    "one stage": replace(SMALL, **PAPER, two_stage=False, refine=False),
    "refining": replace(SMALL, **PAPER, two_stage=False, heads=6),
    "two stages": replace(SMALL, **PAPER, levels=3, proposal_score="first_class"),
}


def random_model(config):
    """Float64, with every layer that starts as zero made to matter."""
    torch.manual_seed(0)
    model = DeformableDETR(config).eval().double()
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.abs().max():
            torch.nn.init.normal_(parameter, std=0.2)
    for module in attention_layers(model).values():  # rays short enough for maps of 2 by 3
        module.sampling_offsets.bias.data *= 0.3
    return model


@pytest.fixture(scope="session")
def shipped():
    """The shipped detector in float64."""
    return dv.load("deformable-detr-scenes").double()


@pytest.fixture(scope="session")
def shipped_seen(shipped):
    """The shipped detector on a rendered picture."""
    pixels, _ = preprocess(read_picture(PICTURE), shipped.config)
    return observe(shipped, [pixels.double()])


@pytest.fixture(scope="session", params=["shipped", *VARIANTS])
def seen(request):
    """One forward pass of each model; the random ones see a padded batch of two sizes."""
    if request.param == "shipped":
        return request.getfixturevalue("shipped_seen")
    generator = torch.Generator().manual_seed(1)
    images = [
        torch.randn(3, *size, generator=generator, dtype=torch.float64)
        for size in ((50, 70), (40, 90))
    ]
    return observe(random_model(VARIANTS[request.param]), images)
