"""`dv.load`: every size from the tensors, the rest said or assumed, nothing loaded partly."""

import argparse
import json
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints.coco import coco_class_names
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.own import save
from deformviz.checkpoints.report import shared_keys
from tests.models.tiny_detector import RECIPE, pictures, tiny_detector

VARIANTS = {
    "plain": dict(backbone_width=8, hidden_channels=64, heads=8),
    "refine": dict(refine=True, encoder_layers=3, decoder_layers=1),
    "two-stage": dict(refine=True, two_stage=True),
    "single scale": dict(levels=1, feedforward_channels=40),
    "five levels": dict(levels=5, queries=11),
    "ResNet-101": dict(backbone="resnet101"),
    "basic blocks": dict(backbone="resnet18"),
    "odd ResNet": dict(backbone="resnet", resnet_blocks=(1, 2, 2, 1), backbone_stem=6),
    "odd decoder": dict(decoder_feedforward_channels=28),
}


def answer(model, sizes=((65, 74), (48, 97))):
    with torch.inference_mode():
        return model(pictures(*sizes), traced=False)[0].logits


def said(model):
    return {assumption.name: assumption for assumption in model.load_report.assumed}


@pytest.fixture
def written(tmp_path):
    """Writes content with torch.save; returns the path."""

    def write(content, name="model.pth", **options):
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", VARIANTS)
def test_every_size_is_read_off_the_tensors(written, name):
    model = tiny_detector(**VARIANTS[name])
    path = written(model.state_dict())
    loaded = dv.load(
        path,
        heads=model.config.heads,
        queries=model.config.queries if model.config.two_stage else None,
    )
    said_config = loaded.config.to_dict() | {"dropout": 0.0}
    assert said_config == model.config.to_dict()
    assert not loaded.training
    assert torch.equal(answer(loaded), answer(model))
    assert loaded.load_report.matched == len(model.state_dict())
    assert loaded.load_report.fits


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {"model": weights, "epoch": 3, "optimizer": {"state": {0: torch.ones(2)}}},
        lambda weights: {"state_dict": OrderedDict(weights)},
        lambda weights: {f"module.{key}": value for key, value in weights.items()},
        lambda weights: {
            key: torch.nn.Parameter(v, v.is_floating_point()) for key, v in weights.items()
        },
        lambda weights: weights | {"backbone.0.body.bn1.num_batches_tracked": torch.tensor(7)},
    ],
)
def test_the_wrappings_of_training_scripts_are_opened(written, wrap):
    model = tiny_detector()
    assert torch.equal(
        answer(dv.load(written(wrap(dict(model.state_dict()))), heads=4)), answer(model)
    )


def test_files_from_before_torch_1_6_are_read(written):
    model = tiny_detector()
    arguments = argparse.Namespace(nheads=4, dilation=False)
    path = written(
        {"model": model.state_dict(), "args": arguments}, _use_new_zipfile_serialization=False
    )
    assert torch.equal(answer(dv.load(path)), answer(model))


def test_safetensors_are_read(tmp_path):
    model = tiny_detector()
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    assert torch.equal(answer(dv.load(tmp_path / "weights.safetensors", heads=4)), answer(model))


def test_half_precision_weights_become_float32(written):
    weights = {key: value.half() for key, value in tiny_detector().state_dict().items()}
    model = dv.load(written(weights), heads=4)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_what_the_tensors_cannot_tell_comes_from_the_files_arguments(written):
    model = tiny_detector(refine=True, two_stage=True, levels=1, dilation=True)
    arguments = argparse.Namespace(nheads=4, dilation=True, num_queries=6, lr=2e-4, masks=False)
    loaded = dv.load(written({"model": model.state_dict(), "args": arguments}))
    assert torch.equal(answer(loaded), answer(model))
    assert said(loaded)["dilation"].value is True
    assert "file" in said(loaded)["heads"].source
    assert loaded.load_report.variant == "single scale, DC5, two-stage"


def test_what_nobody_said_is_assumed_and_reported(written):
    model = tiny_detector(heads=8)
    torch.nn.init.normal_(model.transformer.encoder.layers[0].self_attn.sampling_offsets.bias)
    loaded = dv.load(written(model.state_dict()))
    assert said(loaded)["heads"].value == 8 and said(loaded)["dilation"].value is False
    assert "default" in said(loaded)["heads"].source
    assert "assumed heads=8" in str(loaded.load_report)


def test_a_head_of_91_classes_gets_the_names_of_coco(written):
    loaded = dv.load(written(tiny_detector(classes=91).state_dict()), heads=4)
    names = loaded.config.class_names
    assert (names[1], names[17], names[18], names[90]) == ("person", "cat", "dog", "toothbrush")
    assert names[0] == "class 0" and names[83] == "class 83" and len(set(names)) == 91


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(heads=3), "heads=3 cannot be"),
        (dict(heads=32), "heads=32 cannot be"),
        (dict(heads=0), "heads=0 cannot be"),
        (dict(heads="8"), "heads='8' cannot be"),
        (dict(heads=4, queries=7), "queries is 7 by the argument, but the tensors say 6"),
        (dict(heads=4, version="v1"), "versions of DAT"),
        (dict(heads=4, config={"enc_layers": 6}), "encoder_layers is 6 by config="),
        (dict(heads=4, config={"nheads": 8}), "heads is 8 by config=, but 4 by the argument"),
        (dict(heads=4, config={"position_embedding": "learned"}), "learned"),
    ],
)
def test_a_wrong_value_is_refused_where_it_can_be_noticed(written, options, message):
    with pytest.raises(CheckpointError, match=message):
        dv.load(written(tiny_detector().state_dict()), **options)


def test_an_argument_that_contradicts_the_file_is_refused(written):
    content = {"model": tiny_detector().state_dict(), "args": argparse.Namespace(nheads=4)}
    with pytest.raises(CheckpointError, match="heads is 4 by the file's own arguments, but 8"):
        dv.load(written(content), heads=8)


def change(weights, **changes):
    weights = dict(weights)
    for key, value in changes.items():
        weights.pop(key, None) if value is None else weights.update({key: value})
    return weights


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_embed.weight": None}, r"query_embed\.weight is missing"),
        ({"transformer.encoder.layers.0.norm2.bias": None}, r"1 key is missing \(.*norm2\.bias\)"),
        ({"input_proj.4.0.weight": torch.zeros(3)}, r"1 key is unexpected \(input_proj\.4"),
        (
            {"class_embed.0.bias": torch.zeros(9), "class_embed.1.bias": torch.zeros(9)},
            r"2 keys are of another shape \(class_embed\.0\.bias is \(9,\), expected \(5,\)",
        ),
        ({"class_embed.1.bias": torch.ones(5)}, "class_embed.1.bias and class_embed.0.bias differ"),
        ({"level": torch.zeros(2)}, "unexpected"),
        ({"label_enc.weight": torch.zeros(3, 4)}, r"1 key is unexpected \(label_enc"),
        ({"transformer.level_embed": torch.zeros(4)}, r"level_embed has the shape \(4,\)"),
        ({"transformer.level_embed": torch.zeros(0, 32)}, r"level_embed has the shape \(0, 32\)"),
        (
            {
                "class_embed.0.bias": torch.zeros(5, dtype=torch.int64),
                "class_embed.1.bias": torch.zeros(5, dtype=torch.int64),
            },
            "holds torch.int64",
        ),
    ],
)
def test_keys_that_do_not_fit_are_named_and_nothing_is_loaded(written, changes, message):
    path = written(change(tiny_detector().state_dict(), **changes))
    with pytest.raises(CheckpointError, match=message) as error:
        dv.load(path, heads=4)
    assert "\n" not in str(error.value)


def test_the_report_of_a_misfit_lists_every_key(written):
    path = written(
        change(
            tiny_detector().state_dict(),
            **{
                "transformer.encoder.layers.0.norm1.bias": None,
                "transformer.encoder.layers.0.norm1.weight": None,
            },
        )
    )
    with pytest.raises(CheckpointError) as error:
        dv.load(path, heads=4)
    assert len(error.value.report.missing) == 2
    assert "missing: transformer.encoder.layers.0.norm1.bias" in str(error.value.report)


def test_loading_does_not_touch_the_random_numbers(written):
    path = written(tiny_detector().state_dict())
    state = torch.get_rng_state()
    dv.load(path, heads=4)
    assert torch.equal(torch.get_rng_state(), state)


def test_layers_that_publish_one_head_still_share_it(written):
    loaded = dv.load(written(tiny_detector().state_dict()), heads=4)
    assert loaded.class_embed[0] is loaded.class_embed[1]
    refined = dv.load(written(tiny_detector(refine=True).state_dict()), heads=4)
    assert refined.transformer.decoder.bbox_embed[1] is refined.bbox_embed[1]
    assert refined.bbox_embed[0].layers[0].weight is not refined.bbox_embed[1].layers[0].weight


def test_frozen_layers_stay_frozen(written):
    body = dv.load(written(tiny_detector().state_dict()), heads=4).backbone[0].body
    assert not body.conv1.weight.requires_grad and body.layer2[0].conv1.weight.requires_grad


# -- our own layout ------------------------------------------------------------------------------


def test_a_saved_model_comes_back_with_its_configuration_and_facts(tmp_path):
    model = tiny_detector(**RECIPE, class_names=tuple("abcde"), short_side=None, long_side=256)
    save(model, tmp_path / "own.safetensors", dtype=torch.float32, metadata={"iterations": 30})
    loaded = dv.load(tmp_path / "own.safetensors")
    assert loaded.config == model.config
    assert torch.equal(answer(loaded), answer(model))
    assert loaded.load_report.assumed == () and loaded.load_report.layout == "deformviz"
    assert loaded.load_report.metadata["iterations"] == "30"
    assert set(loaded.load_report.filled) == set(shared_keys(model))
    assert [path.name for path in tmp_path.iterdir()] == ["own.safetensors"]


def test_half_precision_halves_the_file(tmp_path):
    model = tiny_detector(refine=True)
    save(model, tmp_path / "half.safetensors")
    save(model, tmp_path / "full.safetensors", dtype=torch.float32)
    small, large = ((tmp_path / f"{n}.safetensors").stat().st_size for n in ("half", "full"))
    assert small < 0.65 * large
    torch.testing.assert_close(
        answer(dv.load(tmp_path / "half.safetensors")), answer(model), atol=0.05, rtol=0.05
    )


def test_what_half_precision_cannot_hold_is_not_saved(tmp_path):
    model = tiny_detector()
    model.transformer.level_embed.data[0, 0] = 1e6
    with pytest.raises(CheckpointError, match="level_embed does not fit"):
        save(model, tmp_path / "own.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"format_version": "9"}, {}, "format version '9'"),
        ({"system": "yolo"}, {}, "holds a 'yolo'"),
        ({"config": "["}, {}, "'config' is not a JSON object"),
        ({"config": json.dumps({"heads": 8, "colour": 1})}, {}, "unknown fields: colour"),
        ({"config": json.dumps({"encoder_layers": 10**9})}, {}, "at most 100"),
        ({}, {"heads": 8}, "heads=8 was given, but own.safetensors says 4"),
        ({}, {"config": {}}, "carries its own configuration"),
    ],
)
def test_a_header_that_cannot_be_is_refused(tmp_path, changes, options, message):
    path = tmp_path / "own.safetensors"
    save(tiny_detector(), path)
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}
        header = file.metadata()
    save_file(weights, path, metadata=header | changes)
    with pytest.raises(CheckpointError, match=message):
        dv.load(path, **options)


def test_only_known_models_are_saved(tmp_path):
    with pytest.raises(CheckpointError, match="Linear cannot be saved"):
        save(torch.nn.Linear(2, 3), tmp_path / "own.safetensors")
    with pytest.raises(CheckpointError, match="reserved"):
        save(tiny_detector(), tmp_path / "own.safetensors", metadata={"config": "x"})


# -- names ---------------------------------------------------------------------------------------


def test_a_name_that_is_neither_shipped_nor_a_file_says_what_is_shipped():
    with pytest.raises(CheckpointError, match="neither a shipped model nor a file. Shipped here"):
        dv.load("deformable-detr-scene")


def test_a_shipped_model_whose_file_is_gone_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("deformviz.checkpoints.registry.ASSETS", tmp_path)
    with pytest.raises(CheckpointError, match="not in deformviz/assets.*Shipped here: none"):
        dv.load("deformable-detr-scenes")


def test_names_of_coco_stand_at_their_ids():
    names = coco_class_names()
    known = {1: "person", 11: "fire hydrant", 13: "stop sign", 28: "umbrella", 44: "bottle"}
    known |= {65: "bed", 67: "dining table", 70: "toilet", 72: "tv", 90: "toothbrush"}
    assert {index: names[index] for index in known} == known
    assert names[0] == "class 0" and names[12] == "class 12" and len(set(names)) == 91
