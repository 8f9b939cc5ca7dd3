"""Hugging Face's layouts: names both ways, folders, shards, and what a folder may not do."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints import huggingface
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.huggingface import (
    ARGUMENTS,
    Style,
    from_published,
    style_of,
    to_published,
)
from tests.models.tiny_detector import pictures, tiny_detector

STYLES = [Style(in_memory, timm) for in_memory in (True, False) for timm in (True, False)]


@pytest.fixture(scope="module")
def recorded(parity):
    return parity("detr/hf_deformable_detr_refine.pt")


def make_folder(folder, weights, config=None):
    folder.mkdir(exist_ok=True)
    whole = {key: value.contiguous().clone() for key, value in weights.items()}
    save_file(whole, folder / "model.safetensors")
    if config is not None:
        (folder / "config.json").write_text(
            config if isinstance(config, str) else json.dumps(config)
        )
    return folder


def answer(model, images):
    with torch.inference_mode():
        return model(images)


@pytest.mark.parametrize("style", STYLES, ids=str)
@pytest.mark.parametrize(
    "variant", [dict(), dict(refine=True), dict(refine=True, two_stage=True), dict(levels=1)]
)
def test_renaming_there_and_back_gives_the_same_weights(style, variant):
    weights = dict(tiny_detector(**variant).state_dict())
    foreign = from_published(weights, style)
    assert not any(key.startswith(("transformer.", "backbone.")) for key in foreign)
    assert style_of(foreign) == style
    back = to_published(foreign, style)
    assert set(back) == set(weights)
    assert all(torch.equal(back[key], weights[key]) for key in weights)


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_a_file_in_every_spelling_gives_the_same_answer(tmp_path, style):
    model, images = tiny_detector(refine=True), pictures((33, 50))
    folder = make_folder(
        tmp_path / "hub",
        from_published(model.state_dict(), style),
        dict(encoder_attention_heads=4, decoder_attention_heads=4),
    )
    loaded = dv.load(folder)
    assert torch.equal(answer(loaded, images)[0].logits, answer(model, images)[0].logits)
    alone = dv.load(folder / "model.safetensors", heads=4)
    assert torch.equal(answer(alone, images)[0].logits, answer(model, images)[0].logits)


@pytest.mark.parametrize("names", ["in memory", "hub"])
def test_the_recorded_model_equals_theirs_in_float64(tmp_path, recorded, names):
    hub = recorded["hub_v4_names"] if names == "hub" else {}
    weights = {hub.get(key, key): value for key, value in recorded["state_dict"].items()}
    model = dv.load(make_folder(tmp_path / "hub", weights, recorded["config_json"])).double()
    output, _ = answer(model, [image.double() for image in recorded["images"]])
    expected = recorded["outputs_fp64"]
    torch.testing.assert_close(output.logits, expected["logits"], atol=2e-6, rtol=0)
    torch.testing.assert_close(output.boxes_cxcywh, expected["pred_boxes"], atol=2e-7, rtol=0)


@pytest.mark.parametrize("names", ["in memory", "hub"])
def test_the_recorded_model_equals_theirs_in_every_layer(tmp_path, recorded, names):
    hub = recorded["hub_v4_names"] if names == "hub" else {}
    weights = {hub.get(key, key): value for key, value in recorded["state_dict"].items()}
    model = dv.load(make_folder(tmp_path / "hub", weights, recorded["config_json"]))
    output, traces = answer(model, recorded["images"])
    expected = recorded["outputs"]
    torch.testing.assert_close(output.logits, expected["logits"], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(output.boxes_cxcywh, expected["pred_boxes"], atol=2e-6, rtol=1e-4)
    layers = {
        **{f"encoder.{i}": f"model.encoder.layers.{i}.self_attn" for i in range(2)},
        **{f"decoder.{i}": f"model.decoder.layers.{i}.encoder_attn" for i in range(3)},
    }
    for ours, theirs in layers.items():
        for key in ("sampling_locations", "attention_weights"):
            actual, wanted = getattr(traces[ours], key), recorded["capture"][theirs][key]
            if ours.startswith("encoder"):  # padded tokens are noise in theirs
                real = recorded["capture"][theirs]["valid_mask"].bool()
                actual, wanted = actual[real], wanted[real]
            torch.testing.assert_close(actual, wanted, atol=2e-5, rtol=1e-4)


def test_class_names_and_image_sizes_come_from_the_folder(tmp_path):
    config = dict(encoder_attention_heads=4, id2label={str(i): f"thing {i}" for i in range(5)})
    weights = from_published(tiny_detector().state_dict(), STYLES[0])
    folder = make_folder(tmp_path / "hub", weights, config)
    (folder / "preprocessor_config.json").write_text(
        json.dumps(dict(image_mean=[0.5, 0.5, 0.5], size=dict(shortest_edge=400, longest_edge=600)))
    )
    loaded = dv.load(folder).config
    assert loaded.class_names[4] == "thing 4"
    assert (loaded.image_mean, loaded.short_side, loaded.long_side) == ((0.5,) * 3, 400, 600)


def test_shards_are_put_together(tmp_path):
    weights = from_published(tiny_detector().state_dict(), STYLES[0])
    folder = make_folder(tmp_path / "hub", weights, dict(encoder_attention_heads=4))
    whole = answer(dv.load(folder), pictures((33, 50)))[0].logits
    (folder / "model.safetensors").unlink()
    halves = {"a.safetensors": list(weights)[::2], "b.safetensors": list(weights)[1::2]}
    for shard, keys in halves.items():
        save_file({key: weights[key].contiguous().clone() for key in keys}, folder / shard)
    index = {key: shard for shard, keys in halves.items() for key in keys}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert torch.equal(answer(dv.load(folder), pictures((33, 50)))[0].logits, whole)


@pytest.mark.parametrize(
    "shard",
    [
        "../secret.safetensors",
        "/etc/passwd",
        "..",
        "",
        "sub/a.safetensors",
        "a\\..\\b",
        7,
        None,
        ["a"],
    ],
)
def test_an_index_that_leads_out_of_the_folder_is_refused(tmp_path, shard):
    weights = {"a": torch.zeros(2)}
    save_file(weights, tmp_path / "secret.safetensors")
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CheckpointError, match="not a file in it"):
        dv.load(folder)


def test_links_out_of_the_folder_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "secret.safetensors")
    folder = tmp_path / "hub"
    folder.mkdir()
    os.symlink(tmp_path / "secret.safetensors", folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="link out of the folder"):
        dv.load(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "JSON object"),
        ("[1]", "JSON object"),
        ("[" * 100_000, "JSON object"),
        ({"activation_function": "gelu"}, "activation_function='gelu'"),
        ({"d_model": 99, "encoder_attention_heads": 4}, "hidden_channels is 99"),
        ({"encoder_attention_heads": 3}, "heads=3 cannot be"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(tmp_path, config, message):
    weights = from_published(tiny_detector().state_dict(), STYLES[0])
    with pytest.raises(CheckpointError, match=message):
        dv.load(make_folder(tmp_path / "hub", weights, config))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no weights"):
        dv.load(tmp_path)


def test_every_field_of_their_configuration_has_its_own_place_in_ours():
    """Each number differs, so that two exchanged fields show."""
    theirs = {name: 3 + at for at, name in enumerate(ARGUMENTS)}
    theirs |= {"with_box_refine": True, "two_stage": False, "num_queries": 77}
    told = huggingface.ours(theirs)
    assert told.pop("queries") == 77
    assert told == {
        "hidden_channels": theirs["d_model"],
        "heads": theirs["encoder_attention_heads"],
        "decoder_heads": theirs["decoder_attention_heads"],
        "levels": theirs["num_feature_levels"],
        "encoder_layers": theirs["encoder_layers"],
        "decoder_layers": theirs["decoder_layers"],
        "encoder_points": theirs["encoder_n_points"],
        "decoder_points": theirs["decoder_n_points"],
        "feedforward_channels": theirs["encoder_ffn_dim"],
        "decoder_feedforward_channels": theirs["decoder_ffn_dim"],
        "refine": True,
        "two_stage": False,
        "dilation": theirs["dilation"],
    }
