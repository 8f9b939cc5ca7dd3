"""What a file does not say: heads by the star of its biases, names of classes, foreign networks."""

import json

import pytest
import torch

import deformviz as dv
from deformviz.attention.reference import star_offsets
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.inspect import inspect_checkpoint
from deformviz.checkpoints.labels import read_labels
from deformviz.checkpoints.stars import estimate_heads
from deformviz.cli import main
from tests.models.tiny_detector import tiny_detector


@pytest.fixture
def written(tmp_path):
    def write(content, name="model.pth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("heads", [1, 2, 4, 8])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_star_tells_how_many_heads_it_has(heads, noise):
    generator = torch.Generator().manual_seed(heads)
    biases = []
    for _ in range(3):
        star = star_offsets(heads, 3, 16 // heads).flatten()
        biases.append(star + noise * torch.randn(star.shape, generator=generator))
    found = estimate_heads(biases, channels=32, levels=3)
    assert (found.heads, found.points) == (heads, 16 // heads)


def test_noise_is_no_star():
    generator = torch.Generator().manual_seed(0)
    assert estimate_heads([torch.randn(96, generator=generator)], 32, 3) is None


@pytest.mark.parametrize("heads", [2, 4])
def test_a_file_of_few_heads_is_read_by_its_star(written, heads):
    model = tiny_detector(heads=heads, encoder_points=4)
    for layer in model.transformer.encoder.layers:
        layer.self_attn.initialise()
    loaded = dv.load(written(model.state_dict()))
    assert loaded.config.heads == heads
    assert f"{heads} heads; heads= says otherwise" in str(loaded.load_report)


def test_an_argument_overrides_the_star(written):
    model = tiny_detector(heads=4, encoder_points=4, decoder_points=4)
    model.transformer.encoder.layers[0].self_attn.initialise()
    assert dv.load(written(model.state_dict()), heads=8).config.heads == 8


# -- names of classes ----------------------------------------------------------------------------

COCO = {"categories": [{"id": 1, "name": "cat"}, {"id": 4, "name": "dog"}]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat\ndog\n", ("cat", "dog")),
        ('["cat", "dog"]', ("cat", "dog")),
        (json.dumps(COCO), ("class 0", "cat", "class 2", "class 3", "dog")),
        ('{"id2label": {"0": "cat", "2": "dog"}}', ("cat", "class 1", "dog")),
    ],
)
def test_labels_are_read_from_every_usual_file(tmp_path, text, names):
    (tmp_path / "labels").write_text(text)
    assert read_labels(tmp_path / "labels") == names


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id2label": {"99999999999": "x"}}'])
def test_what_holds_no_labels_is_a_sentence(tmp_path, text):
    (tmp_path / "labels").write_text(text)
    with pytest.raises(CheckpointError, match="labels"):
        read_labels(tmp_path / "labels")


def test_names_are_given_and_counted(written):
    path = written(tiny_detector().state_dict())
    assert dv.load(path, heads=4, class_names=list("abcde")).config.class_names[4] == "e"
    with pytest.raises(CheckpointError, match="2 names for 5 classes"):
        dv.load(path, heads=4, class_names=["a", "b"])


def test_the_command_line_takes_labels(written, tmp_path, capsys):
    path = written(tiny_detector().state_dict())
    (tmp_path / "labels.json").write_text(json.dumps(COCO))
    assert (
        main(["inspect", str(path), "--heads", "4", "--labels", str(tmp_path / "labels.json")]) == 0
    )
    assert "dog" in capsys.readouterr().out


def test_coco_is_not_invented_for_a_file_that_says_otherwise(written):
    import argparse

    weights = tiny_detector(classes=91).state_dict()
    content = {"model": weights, "args": argparse.Namespace(nheads=4, dataset_file="lvis")}
    assert dv.load(written(content)).config.class_names == ()


# -- configurations ------------------------------------------------------------------------------


def test_unknown_options_are_refused_by_name(written):
    path = written(tiny_detector().state_dict())
    with pytest.raises(CheckpointError, match="config= has colour, which deformable-detr"):
        dv.load(path, heads=4, config={"colour": 3, "enc_layers": 1})


@pytest.mark.parametrize("config", [[1], 3, "x"])
def test_a_configuration_that_is_no_object_is_a_sentence(written, config):
    with pytest.raises(CheckpointError, match="constructor values by name"):
        dv.load(written(tiny_detector().state_dict()), heads=4, config=config)


# -- networks we do not build --------------------------------------------------------------------


def test_a_foreign_network_is_looked_at_by_its_weights_alone(written):
    model = tiny_detector(heads=4, encoder_points=4)
    weights = {
        f"pixel_decoder.{key.removeprefix('transformer.')}": value
        for key, value in model.state_dict().items()
        if "encoder" in key
    }
    layer = model.transformer.encoder.layers[0].self_attn
    layer.initialise()
    weights |= {
        f"pixel_decoder.encoder.layers.0.self_attn.{key}": value
        for key, value in layer.state_dict().items()
    }
    weights["backbone.stages.0.0.dwconv.weight"] = torch.zeros(3, 1, 7, 7)
    found = inspect_checkpoint(written(weights))
    assert not found.usable and "ConvNeXt" in found.found
    (attention,) = found.attentions
    assert attention.name == "pixel_decoder.encoder.layers.0.self_attn" and attention.is_clear
    reading = attention.reading
    assert (reading.heads, reading.levels, reading.points) == (4, 4, 4)
    assert torch.equal(attention.module.value_proj.weight, layer.value_proj.weight)
    assert "4 heads × 4 levels × 4 points, read off its star" in str(found)
