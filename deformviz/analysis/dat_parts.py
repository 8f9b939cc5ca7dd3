"""A DAT stage by stage: sizes from the model, costs from its shell without numbers."""

import torch
from torch import Tensor

from deformviz.analysis.architecture import Architecture, Part, size_of
from deformviz.analysis.multiply_adds import counted
from deformviz.models.dat import DAT
from deformviz.models.dat_config import LETTERS, DATConfig
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.watch import LayerWatch


def describe(model: DAT, input_hw: tuple[int, int] | None = None) -> Architecture:
    """The chain from stem to head, for the square its tables are made for.

    Raises:
        ValueError: `input_hw` is another size, for which a DAT would need other tables.
    """
    side = model.config.long_side
    if input_hw not in (None, (side, side)):
        raise ValueError(f"This DAT looks at squares of {side} px; input_hw is {input_hw}.")
    with torch.device("meta"):
        parts = _parts(model, DAT(model.config).eval())
    return Architecture((side, side), tuple(parts), published_as=_published_as(model.config))


def _parts(model: DAT, shell: DAT) -> list[Part]:
    config, side = model.config, model.config.long_side
    maps, cost = counted(lambda: shell.patch_proj(torch.empty(1, 3, side, side)))
    stem = size_of(model.patch_proj)
    parts = [Part("stem", config.stem.replace("_", " "), stem, cost, _map_size(maps))]
    watch = LayerWatch(shell.stage_names, (), False, None)
    for index, stage in enumerate(shell.stages):
        if index:
            maps, cost = counted(lambda i=index, m=maps: shell.down_projs[i - 1](m))
            size = size_of(model.down_projs[index - 1])
            parts.append(Part(f"transition {index}", "halves the map", size, cost, _map_size(maps)))
        maps, cost = counted(lambda s=stage, m=maps: s(m, watch))
        blocks, size = _blocks(config.stages[index].blocks), size_of(model.stages[index])
        parts.append(Part(f"stage {index + 1}", blocks, size, cost, _map_size(maps)))
    head = Part(
        "head",
        "mean over the map, one linear layer",
        size_of(model.cls_norm, model.cls_head),
        config.classes * model.cls_head.in_features,
        f"{config.classes} logits",
    )
    return [*parts, head]


def _published_as(config: DATConfig) -> str:
    for name, known in PUBLISHED.items():
        if known.stages == config.stages and known.long_side == config.long_side:
            return name
    return ""


def _blocks(letters: str) -> str:
    """The blocks of a stage in words: "LDLD" -> "2 × windows, 2 × deformed grid"."""
    return ", ".join(
        f"{letters.count(letter)} × {LETTERS[letter]}" for letter in dict.fromkeys(letters)
    )


def _map_size(maps: Tensor) -> str:
    return "×".join(str(size) for size in maps.shape[1:])
