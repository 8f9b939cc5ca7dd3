"""The equations of Deformable DETR's relatives: every derivation ends in what their module says."""

import pytest
import torch

import deformviz as dv
from deformviz.models.co_detr import CoDeformableDETR
from deformviz.models.dab_deformable_detr import DABDeformableDETR
from deformviz.models.dino import DINO
from deformviz.tracing.pictures import read_picture
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.payload import payload
from deformviz.walkthrough.subject import Subject
from tests.walkthrough.conftest import PICTURE

SIZES = {
    "classes": 3,
    "class_names": ("cat", "ball", "tree"),
    "hidden_channels": 24,
    "heads": 3,
    "levels": 3,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_points": 2,
    "decoder_points": 2,
    "feedforward_channels": 28,
    "queries": 7,
    "backbone": "compact",
    "compact_channels": (8, 8, 16, 16, 16),
    "compact_blocks": (1, 1, 1, 1),
    "projection_groups": 4,
    "short_side": None,
    "long_side": 72,
}


@pytest.fixture(scope="module", params=[DINO, DABDeformableDETR, CoDeformableDETR])
def material(request):
    """A small random model of each relative, in which every layer matters, on one picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = request.param(request.param.config_type(**SIZES)).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1 and not parameter.abs().max():
                torch.nn.init.normal_(parameter, std=0.2)
    name = request.param.__name__
    return Material(name, lambda: model, lambda: read_picture(PICTURE), dv.load)


@pytest.mark.parametrize("mistake", ["", "swap_xy"])
def test_every_derivation_ends_in_what_the_module_says(material, mistake):
    for name, record in DERIVATIONS.items():
        if not record.follows_the_detector:
            continue
        found = follow(Subject(name, layer="decoder.1", mistake=mistake), material)
        shown = payload(found)
        assert float(shown["difference"]) <= 1e-5 * max(shown["scale"], 1), name
        assert found.worked.holds or mistake, name
        assert all(step["text"] for step in shown["steps"]), name
