"""A whole detector, small enough to run in a few milliseconds."""

from dataclasses import replace

import pytest
import torch

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.recipe import scenes_config


@pytest.fixture(scope="session")
def model():
    """Random weights, offsets that depend on the query, pictures at most 72 px long."""
    config = replace(
        scenes_config(),
        hidden_channels=16,
        heads=4,
        feedforward_channels=24,
        encoder_layers=2,
        decoder_layers=2,
        queries=7,
        projection_groups=4,
        compact_channels=(8, 8, 16, 16, 16),
        long_side=72,
    )
    torch.manual_seed(0)
    model = DeformableDETR(config).eval()
    for name, parameter in model.named_parameters():
        if "sampling_offsets.weight" in name or "attention_weights.weight" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return model
