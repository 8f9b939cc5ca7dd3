"""Answers of the lesson on queries, asked of small models of each system."""

import torch

from deformviz.systems import SYSTEMS
from deformviz.training.recipe import scenes_config


def detr_reference() -> int:
    """DETR keeps no reference: its queries are one table of vectors as wide as the model."""
    model = _small("detr")
    learnt = [tuple(p.shape) for name, p in model.named_parameters() if "query_embed" in name]
    return 1 if learnt == [(6, 32)] else 0


def one_stage_reference() -> int:
    """The one-stage reference is a linear layer of the query's position."""
    model = _small("deformable-detr")
    layer = model.get_submodule("transformer.reference_points")
    return 2 if isinstance(layer, torch.nn.Linear) and layer.out_features == 2 else 0


def refinement_is_detached() -> int:
    """0 if the last layer's boxes teach the first layer's box head; 1 if they do not."""
    model = _small("deformable-detr", refine=True)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # the original starts box heads at zero, which hides every path
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    output, _ = model([torch.randn(3, 64, 96, generator=generator)])
    output.boxes_cxcywh.sum().backward()
    first = model.get_parameter("bbox_embed.0.layers.2.bias").grad
    return 0 if first is not None and bool(first.any()) else 1


def numbers_of_a_dab_query() -> int:
    model = _small("dab-deformable-detr")
    return next(p.shape[1] for name, p in model.named_parameters() if "refpoint_embed" in name)


def queries_of_the_shipped_model() -> int:
    return scenes_config().queries


def contents_of_dino() -> int:
    """0 if the contents of its queries are a learnt table."""
    model = _small("dino")
    return 0 if any("tgt_embed" in name for name, _ in model.named_parameters()) else 1


def auxiliary_heads_at_inference() -> int:
    """1 if our Co-DETR, which runs as published after training, has no auxiliary head."""
    names = [name for name, _ in _small("co-deformable-detr").named_parameters()]
    return 1 if names and not any("roi_head" in n or "bbox_head" in n for n in names) else 0


def _small(system: str, **changed):
    """An untrained model of a system, as small as it gets."""
    record = SYSTEMS[system]
    usual = {
        "classes": 4,
        "hidden_channels": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "feedforward_channels": 32,
        "queries": 6,
        "backbone": "resnet18",
        "backbone_width": 8,
    }
    torch.manual_seed(0)
    return record.build(record.read_config(usual | changed)).eval()
