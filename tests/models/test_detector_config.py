"""The configuration: plain data that checks itself."""

import json

import pytest

from deformviz.models.detector_config import DeformableDETRConfig
from tests.models.tiny_detector import RECIPE, TINY


def test_a_configuration_survives_json():
    config = DeformableDETRConfig(
        **TINY,
        **RECIPE,
        class_names=("a", "b", "c", "d", "e"),
        short_side=None,
        long_side=256,
        image_mean=(0.5, 0.5, 0.5),
    )
    assert DeformableDETRConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_defaults_are_the_published_ones():
    config = DeformableDETRConfig()
    assert (config.hidden_channels, config.heads, config.levels, config.queries) == (256, 8, 4, 300)
    assert (config.content_queries, config.position_frequencies) == ("from_proposals", "paper")
    assert config.variant == "4 levels"
    assert DeformableDETRConfig(levels=1, dilation=True).variant == "single scale, DC5"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(heads=7), "multiple of 4 and of heads"),
        (dict(heads=0), "heads is 0"),
        (dict(hidden_channels=0), "hidden_channels is 0"),
        (dict(projection_groups=-1), "projection_groups is -1"),
        (dict(levels=6), "1 to 5"),
        (dict(encoder_layers=10**9), "at most 100"),
        (dict(backbone="vgg"), "must be one of resnet18"),
        (dict(backbone="resnet"), "resnet_blocks"),
        (dict(backbone="resnet34", dilation=True), "DC5"),
        (dict(backbone="compact", dilation=True), "DC5"),
        (dict(two_stage=True), "refine=True"),
        (dict(content_queries="learned"), "needs two_stage"),
        (dict(class_names=("one",)), "1 names for 91"),
        (dict(image_std=(1.0, 0.0, 1.0)), "image_std"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(changes, message):
    with pytest.raises(ValueError, match=message):
        DeformableDETRConfig(**changes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attention": 1}, "unknown fields: attention"),
        ({"heads": "8"}, "heads='8'"),
        ({"heads": True}, "heads=True"),
        ({"class_names": [1, 2]}, "class_names"),
        ({"compact_blocks": "1221"}, "compact_blocks"),
        ({"refine": 1}, "refine=1"),
    ],
)
def test_foreign_fields_and_types_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        DeformableDETRConfig.from_dict(values)


def test_whole_numbers_will_do_for_fractions_and_none_where_allowed():
    config = DeformableDETRConfig.from_dict({"dropout": 0, "short_side": None})
    assert config.dropout == 0 and config.short_side is None
