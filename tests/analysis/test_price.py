"""A run is priced before it is run, and its bounds are told with the number that is too large."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from deformviz.analysis.attribution_records import KINDS, METHODS, QUANTITIES
from deformviz.analysis.faithfulness import RANDOM_ORDERS, STEPS
from deformviz.analysis.price import (
    PASSES_OF_CURVES,
    TooLarge,
    check,
    price_of,
    price_of_study,
    times,
)
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.load import load
from deformviz.checkpoints.registry import ASSETS
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.deformable_detr import DeformableDETRConfig

BUDGET = {"memory_bytes": 2 * 2**30, "seconds": 60}
SHIPPED = ASSETS / "deformable-detr-scenes.safetensors"


def test_published_models_are_within_the_budget_of_bytes():
    usual = DeformableDETRConfig()
    found = price_of(usual, (480, 640))
    assert found.input_hw == (800, 1066)
    assert found.tokens == 100 * 133 + 50 * 66 + 25 * 33 + 12 * 16
    check(found, memory_bytes=BUDGET["memory_bytes"], seconds=1e9)
    check(price_of(PUBLISHED["dat_tiny"], (480, 640)), **BUDGET)


def test_a_price_grows_with_the_picture_and_with_the_layers():
    small = DeformableDETRConfig(short_side=None, long_side=320)
    large = replace(small, long_side=1280)
    assert 12 < price_of(large, (30, 40)).memory_bytes / price_of(small, (30, 40)).memory_bytes < 20
    fewer = replace(small, encoder_layers=1)
    assert price_of(fewer, (30, 40)).multiply_adds < price_of(small, (30, 40)).multiply_adds
    more, keys = price_of(small, (30, 40)), small.heads * small.levels * small.encoder_points
    numbers = (small.encoder_layers - 1) * more.tokens * keys * 5  # xy twice, and a weight
    assert more.memory_bytes - price_of(fewer, (30, 40)).memory_bytes == 4 * numbers


def test_what_is_too_large_is_named():
    huge = DeformableDETRConfig(short_side=None, long_side=4096)
    with pytest.raises(TooLarge, match=r"At 3072 × 4096 pixels .* tokens and needs about .* GiB"):
        check(price_of(huge, (30, 40)), **BUDGET)
    with pytest.raises(TooLarge, match="computes for about"):
        check(price_of(huge, (30, 40)), memory_bytes=1e15, seconds=60)


def test_a_study_is_priced_by_what_lies_behind_its_part():
    usual = price_of(DeformableDETRConfig(), (480, 640))
    part = {name: price_of_study(usual, part=name, layers=6) for name in ("decoder", "encoder")}
    assert part["decoder"].multiply_adds < part["encoder"].multiply_adds / 5
    hour = {"memory_bytes": 2 * BUDGET["memory_bytes"], "seconds": 3600, "what": "a study"}
    check(part["decoder"], **hour)
    check(price_of_study(usual, part="pixels", layers=1), **hour)
    with pytest.raises(TooLarge, match="at least about .* s; a study may take 3600 s here"):
        check(part["encoder"], **hour)
    fewer = price_of_study(usual, part="encoder", layers=2)
    assert 3 * fewer.multiply_adds == part["encoder"].multiply_adds


def test_a_replay_is_priced_by_its_snapshots():
    once = price_of(DeformableDETRConfig(), (480, 640))
    replay = times(once, 200)
    assert replay.multiply_adds == 200 * once.multiply_adds
    assert replay.memory_bytes == once.memory_bytes  # one after the other
    with pytest.raises(TooLarge, match="a replay may take 600 s here"):
        check(replay, memory_bytes=BUDGET["memory_bytes"], seconds=600, what="a replay")


def with_header(path, **changes):
    """The shipped detector with other numbers in its configuration."""
    from safetensors import safe_open

    with safe_open(SHIPPED, "pt") as file:
        metadata = file.metadata()
    config = json.loads(metadata["config"]) | changes
    save_file(load_file(SHIPPED), path, metadata=metadata | {"config": json.dumps(config)})
    return path


def test_a_header_that_asks_for_8000_pixels_is_refused_at_once(tmp_path):
    path = with_header(tmp_path / "long.safetensors", long_side=8000)
    with pytest.raises(CheckpointError, match="long_side is 8000; it must be at most 4096"):
        load(path)


def test_what_no_bound_catches_the_price_does(tmp_path):
    model = load(with_header(tmp_path / "long.safetensors", long_side=4000))
    with pytest.raises(TooLarge, match="GiB"):
        check(price_of(model.config, (768, 1024)), **BUDGET)
    assert not torch.cuda.is_available() or torch.cuda.max_memory_allocated() < 2**30


def test_the_curves_of_a_layer_are_counted_as_they_are_asked():
    """Both ends of a curve are the same for every order, and asked once."""
    orders = len(QUANTITIES) * len(METHODS) + 1 + RANDOM_ORDERS
    assert len(KINDS) * (orders * (STEPS - 1) + 2) == PASSES_OF_CURVES
