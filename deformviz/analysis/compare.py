"""Two checkpoints side by side: which layers differ, and by how much."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.analysis.weight_records import Comparison, LayerDifference

PARTS = (  # (pattern of a parameter's name, the layer it belongs to)
    (r"transformer\.(encoder|decoder)\.layers\.(\d+)\.(self_attn|cross_attn)\.", r"\1.\2 \3"),
    (r"transformer\.(encoder|decoder)\.layers\.(\d+)\.linear", r"\1.\2 feed-forward"),
    (r"transformer\.(encoder|decoder)\.layers\.(\d+)\.norm", r"\1.\2 norms"),
    (r"transformer\.decoder\.(class|bbox)_embed\.(\d+)\.", r"\1_embed.\2"),
    (r"transformer\.decoder\.(\w+)", r"decoder \1"),
    (r"transformer\.(\w+)", r"\1"),
    (r"backbone\.0\.body\.(\w+)\.", r"backbone \1"),
    (r"(class_embed|bbox_embed|input_proj|down_projs)\.(\d+)\.", r"\1.\2"),
    (r"stages\.(\d+)\.(\w+)\.(\d+)", r"stages.\1.\2.\3"),
    (r"([^.]+)", r"\1"),
)


def layer_of(key: str) -> str:
    """The layer a parameter belongs to, in words: "encoder.0 self_attn"."""
    for pattern, words in PARTS:
        if match := re.match(pattern, key):
            return match.expand(words)
    return key


def compare_models(first: nn.Module, second: nn.Module) -> Comparison:
    """Differences of configuration and weights, layer by layer in the first model's order."""
    ours, theirs = (dict(model.named_parameters()) for model in (first, second))
    shared = [key for key in ours if key in theirs and ours[key].shape == theirs[key].shape]
    by_layer: dict[str, list[str]] = {}
    for key in shared:
        by_layer.setdefault(layer_of(key), []).append(key)
    return Comparison(
        settings=_settings(first, second),
        layers=tuple(
            _difference(layer, _flat(ours, keys), _flat(theirs, keys))
            for layer, keys in by_layer.items()
        ),
        only_first=tuple(key for key in ours if key not in theirs),
        only_second=tuple(key for key in theirs if key not in ours),
        other_shape=tuple(
            f"{key}: {tuple(ours[key].shape)} and {tuple(theirs[key].shape)}"
            for key in ours
            if key in theirs and key not in shared
        ),
    )


def _settings(first: nn.Module, second: nn.Module) -> tuple[tuple[str, Any, Any], ...]:
    configs: list[Any] = [first.config, second.config]
    ours, theirs = (config.to_dict() for config in configs)
    return tuple(
        (name, ours.get(name), theirs.get(name))
        for name in (ours | theirs)
        if ours.get(name) != theirs.get(name)
    )


def _flat(parameters: Mapping[str, Tensor], keys: list[str]) -> Tensor:
    return torch.cat([parameters[key].detach().double().flatten().cpu() for key in keys])


def _difference(layer: str, ours: Tensor, theirs: Tensor) -> LayerDifference:
    change, size, other = theirs - ours, float(ours.norm()), float(theirs.norm())
    relative = float(change.norm()) / size if size else (float("inf") if other else 0.0)
    both_zero = size == other == 0
    cosine = 1.0 if both_zero else float(ours @ theirs) / ((size * other) or float("inf"))
    return LayerDifference(layer, ours.numel(), relative, cosine, float(change.abs().max()))
