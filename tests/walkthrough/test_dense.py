"""Eq. 1 in models whose queries look at every cell of the map."""

import numpy as np
import pytest
import torch

from deformviz.models.dense_config import DABDETRConfig, DETRConfig
from deformviz.models.detr import DABDETR, DETR
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.payload import payload
from deformviz.walkthrough.subject import Subject
from tests.tracing.test_dense_samples import SIZES


def material(kind, config, seed=6):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config(**SIZES)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
    picture = np.random.default_rng(1).integers(0, 255, (90, 150, 3), dtype=np.uint8)
    return Material("x", lambda: model, lambda: picture, lambda name: model)


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.0"])
def test_every_line_of_eq_1_is_followed_in_a_detr(layer):
    given = material(DETR, DETRConfig)
    found = follow(Subject(layer=layer, query=3), given)
    assert found.subject.derivation == "multi_head" and found.subject.layer == layer
    assert found.worked.holds and found.layers[0] == "encoder.0"
    assert found.layers[-1] == "decoder.1"
    seen = given.passes[("x", "dense")]
    weights = {step.name: step.value for step in found.worked}["attention_weights"]
    torch.testing.assert_close(weights, seen.trace[layer].attention_weights[:, 3])
    shown = payload(found)
    assert shown["pictures"] and shown["answers"]


def test_the_answer_of_a_detr_is_a_softmax_without_no_object():
    found = follow(Subject(layer="decoder.1", query=2), material(DETR, DETRConfig))
    logits = found.sight.output.logits[2]
    best = float(logits.softmax(-1)[:-1].max())
    assert f"{best:.3f}" in payload(found)["answers"][0]["lines"][1]


def test_the_encoder_of_a_dab_detr_is_followed_and_its_decoder_leads_there():
    found = follow(Subject(layer="decoder.1"), material(DABDETR, DABDETRConfig))
    assert found.layers == ("encoder.0", "encoder.1") and found.subject.layer == "encoder.1"
    assert found.worked.holds
