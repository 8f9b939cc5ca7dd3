"""Every key layout of every system: a model written under foreign names answers as before."""

import json
import os
from pathlib import Path

import pytest
import torch

import deformviz as dv
from deformviz.checkpoints import (
    co_deformable_detr,
    co_dino,
    detrex,
    detrex_dab_deformable,
    detrex_dense,
    detrex_dino,
    huggingface_dab_detr,
    huggingface_detr,
    mmdet2,
    mmdet3,
    mmdet3_dab_detr,
    mmdet3_detr,
    mmdet3_dino,
    official,
    official_dab_deformable,
    official_dab_detr,
    official_detr,
    official_dino,
)
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.huggingface import Style
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Options
from deformviz.systems import SYSTEMS
from deformviz.systems.system import referred
from tests.models.tiny_detector import pictures

ROOT = Path(__file__).parents[2]
TINY = dict(
    classes=5,
    hidden_channels=32,
    heads=4,
    encoder_layers=2,
    decoder_layers=2,
    feedforward_channels=24,
    decoder_feedforward_channels=28,
    queries=6,
    dropout=0.0,
    backbone_width=4,
)
POINTS = dict(encoder_points=2, decoder_points=3)
SWIN = dict(
    backbone="swin",
    backbone_width=8,
    swin_depths=(2, 1, 1, 2),
    swin_heads=(1, 2, 4, 8),
    swin_window=3,
    swin_mlp_ratio=2.0,
)
APART = dict(shared_heads=False)
DETREX = dict(logit_epsilon=1e-3)
PROPOSALS = dict(refine=True, two_stage=True)
LAYOUTS = {
    "official Deformable DETR": (official, dict(PROPOSALS)),
    "official DETR": (official_detr, dict()),
    "official DETR, pre-norm DC5": (official_detr, dict(pre_norm=True, dilation=True)),
    "official DAB-DETR": (official_dab_detr, dict()),
    "official DAB-DETR, patterns": (official_dab_detr, dict(patterns=3, activation="relu")),
    "official DAB-Deformable-DETR": (official_dab_deformable, dict()),
    "official DINO": (official_dino, dict()),
    "official DINO, 5 scales": (official_dino, dict(levels=5, backbone_maps=4)),
    "official DINO, Swin": (official_dino, dict(SWIN)),
    "Hugging Face DETR, in memory": (huggingface_detr, dict(), Style(True, False)),
    "Hugging Face DETR, hub": (huggingface_detr, dict(pre_norm=True), Style(False, True)),
    "Hugging Face DAB-DETR": (huggingface_dab_detr, dict(patterns=2), Style(False, False)),
    "mmdetection 2": (mmdet2, dict(projection_bias=False)),
    "mmdetection 2, refined": (mmdet2, dict(refine=True)),
    "mmdetection 2, two-stage": (mmdet2, dict(PROPOSALS)),
    "mmdetection 3": (mmdet3, dict(PROPOSALS, projection_bias=False)),
    "mmdetection 3, plain": (mmdet3, dict()),
    "mmdetection 3 DINO": (mmdet3_dino, dict(APART)),
    "mmdetection 3 DETR": (mmdet3_detr, dict()),
    "detrex": (detrex, dict(PROPOSALS, **DETREX)),
    "detrex DINO": (
        detrex_dino,
        dict(APART, **DETREX, position_shift=-0.5, position_temperature=10000.0),
    ),
    "mmdetection 3 DAB-DETR": (mmdet3_dab_detr, dict(patterns=2)),
    "detrex DETR": (detrex_dense.DETR, dict()),
    "detrex DAB-DETR": (detrex_dense.DAB_DETR, dict()),
    "detrex DAB-Deformable-DETR": (detrex_dab_deformable, dict()),
    "Co-Deformable-DETR": (co_deformable_detr, dict()),
    "Co-DINO": (co_dino, dict()),
    "Co-DINO, Swin": (co_dino, dict(SWIN)),
}


def tiny(naming, changes, seed=3):
    """A model of a layout's system with random weights everywhere."""
    deformable = hasattr(naming.config, "encoder_points")
    config = naming.config(**(TINY | (POINTS if deformable else {}) | changes))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = referred(SYSTEMS[naming.system].model)(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
            for name, buffer in model.named_buffers():
                if name.endswith("running_var"):
                    buffer.uniform_(0.5, 2.0)
    return model


def foreign(naming, model, style):
    """The model's weights as the code base of this layout would have written them."""
    ours = dict(model.state_dict())
    shared = naming.system in ("detr", "dab-detr")
    last = model.config.decoder_layers
    for key in list(ours):
        again = key.startswith(("class_embed.", "bbox_embed.", "transformer.decoder.bbox_embed."))
        if shared and again and ".0." not in key.replace("layers.0", ""):
            del ours[key]  # one head for all layers
        elif naming.layout.startswith(("mmdet", "Co-")) and "decoder.bbox_embed." in key:
            del ours[key]
        elif naming.layout.startswith(("mmdet", "Co-")) and "decoder.class_embed." in key:
            del ours[key]
        elif naming is official_dino.NAMING and key.startswith(
            (f"transformer.decoder.class_embed.{last}", f"transformer.decoder.bbox_embed.{last}")
        ):
            del ours[key]  # apart, as the encoder's
    if style is not None:
        table = referred(f"{naming_module(naming)}:table")(style)
    else:
        table = naming.table(their_numbers(naming, ours))
    weights = table.to_theirs(ours)
    assert not set(weights) & set(ours) or naming.layout.startswith(("official", "detrex"))
    assert naming.table(weights).to_ours(weights).keys() == ours.keys()
    return weights


def naming_module(naming):
    return {h.NAMING.layout: h.__name__ for h in (huggingface_detr, huggingface_dab_detr)}[
        naming.layout
    ]


def their_numbers(naming, ours):
    """Keys that tell a table how many projections and layers there are."""
    keys = dict.fromkeys(ours)
    for key, tensor in ours.items():
        if key.startswith("input_proj.") and key.endswith(".0.weight"):
            maps = sum(1 for k, v in ours.items() if _is_a_map(k, v))
            index = int(key.split(".")[1])
            kind = "convs" if tensor.shape[-1] == 1 else "extra_convs"
            keys[f"neck.{kind}.{index - (0 if kind == 'convs' else maps)}.conv.weight"] = None
    return keys


def _is_a_map(key, tensor):
    return key.startswith("input_proj.") and key.endswith(".0.weight") and tensor.shape[-1] == 1


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_model_under_foreign_names_answers_as_before(tmp_path, name):
    module, changes, *style = LAYOUTS[name]
    naming = getattr(module, "NAMING", module)
    model = tiny(naming, changes)
    weights = foreign(naming, model, style[0] if style else None)
    torch.save({"state_dict": weights}, tmp_path / "model.pth")
    proposes = model.config.two_stage and "transformer.tgt_embed.weight" not in model.state_dict()
    told = dict(queries=6) if proposes else {}
    loaded = dv.load(tmp_path / "model.pth", heads=4, dilation=model.config.dilation, **told)
    assert type(loaded) is type(model)
    assert loaded.load_report.layout == naming.layout
    different = {"dropout", "decoder_heads"}
    ours, theirs = model.config.to_dict(), loaded.config.to_dict()
    assert {k for k in ours if ours[k] != theirs[k]} <= different
    images = pictures((65, 74), (48, 97))
    with torch.inference_mode():
        expected, found = model(images, traced=False)[0], loaded(images, traced=False)[0]
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.boxes_cxcywh, expected.boxes_cxcywh)


def test_every_recorded_key_is_translated_as_recorded(parity):
    parity("detr/functions.pt")  # skips where there is no parity folder
    folder = Path(os.environ.get("DEFORMVIZ_PARITY", ROOT / ".." / "shared" / "parity"))
    maps = json.loads((folder / "detr" / "key_maps.json").read_text())
    one = torch.zeros(3, 1)
    checked = 0
    for name, official_table, table in (
        ("detr", official_detr.TABLE, huggingface_detr.table),
        ("dab_detr", official_dab_detr.TABLE, huggingface_dab_detr.table),
        ("dab_detr_patterns", official_dab_detr.TABLE, huggingface_dab_detr.table),
    ):
        for row in maps["hf"][name]:
            (ours,) = official_table.to_ours({row[0]: one})
            for theirs, in_memory in zip(row[1:3], (True, False), strict=True):
                assert theirs in table(Style(in_memory, False)).to_theirs({ours: one})
                checked += 1
    for official_key, theirs, _ in maps["mmdet2"]["dino_4scale"]:
        if theirs is None or official_key.startswith("label_enc"):
            continue
        numbers = {f"neck.convs.{i}.": 0 for i in range(3)} | {"neck.extra_convs.0.": 0}
        keys = {"transformer.decoder.layers.0.": 0, "transformer.decoder.layers.1.": 0}
        (ours,) = official_dino.table(keys).to_ours({official_key: one})
        assert theirs in co_dino.NAMING.table(numbers).to_theirs({ours: one}), official_key
        checked += 1
    assert checked > 700


def test_names_of_detectron2_as_it_writes_them():
    """Its stages count from 2; a table alone translates any count back and forth."""
    named = {
        "backbone.stem.conv1.norm.weight": "backbone.0.body.bn1.weight",
        "backbone.res2.0.conv1.weight": "backbone.0.body.layer1.0.conv1.weight",
        "backbone.res5.2.conv3.norm.bias": "backbone.0.body.layer4.2.bn3.bias",
        "backbone.res3.0.shortcut.weight": "backbone.0.body.layer2.0.downsample.0.weight",
        "backbone.res3.0.shortcut.norm.running_var": (
            "backbone.0.body.layer2.0.downsample.1.running_var"
        ),
    }
    tensors = {theirs: torch.zeros(1) for theirs in named}
    assert list(detrex.NAMING.table(tensors).to_ours(tensors)) == list(named.values())


@pytest.mark.parametrize("name", LAYOUTS)
def test_unknown_words_in_a_configuration_are_refused_by_name(name):
    module = LAYOUTS[name][0]
    naming = getattr(module, "NAMING", module)
    file = CheckpointFile(Path("model.pth"), {}, {})
    with pytest.raises(CheckpointError, match="config= has encoder_layer, wings, which"):
        naming.plan(file, Options(config={"wings": 2, "encoder_layer": 6}))
