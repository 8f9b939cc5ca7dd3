"""The parts of a model with their sizes and costs, counted without computing anything."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deformviz.analysis.cost import BILINEAR, WEIGHTED
from deformviz.models.dat import DAT
from deformviz.models.dat_config import LETTERS
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.watch import LayerWatch

COCO_HW = (800, 1066)  # the size of most COCO pictures after the evaluation's resize


@dataclass(frozen=True)
class Part:
    """One box of the diagram."""

    name: str  # "encoder"
    detail: str  # what is inside, in words
    parameters: int
    multiply_adds: int  # of one picture
    output: str  # shape of what leaves it, in words
    repeats: int = 1


@dataclass(frozen=True)
class Architecture:
    """A model as a chain of parts, for one size of picture."""

    input_hw: tuple[int, int]
    parts: tuple[Part, ...]
    published: tuple[str, float, float] | None  # (name, millions of parameters, GFLOPs)

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        return sum(part.multiply_adds for part in self.parts)


# (millions of parameters, GFLOPs = 10^9 multiply-adds) as the papers' tables state them.
# Deformable DETR: Table 1 of arXiv 2010.04159. DAT: Table 2 of 2201.00520; DAT++: of 2309.01430.
PAPER = {
    "Deformable DETR, ResNet-50": (40.0, 173.0),
    "dat_tiny": (29.0, 4.6),
    "dat_small": (50.0, 9.0),
    "dat_base": (88.0, 15.8),
    "dat_base_384": (88.0, 49.8),
    "dat_pp_tiny": (24.0, 4.3),
    "dat_pp_small": (53.0, 9.4),
    "dat_pp_base": (94.0, 16.6),
    "dat_pp_base_384": (94.0, 49.7),
}


def describe(model: nn.Module, input_hw: tuple[int, int] | None = None) -> Architecture:
    """The parts of a detector or a DAT.

    Args:
        input_hw: picture in pixels; None: what the model is made for, 800 x 1066 if it resizes
            as published.

    Raises:
        ValueError: another kind of model.
    """
    if isinstance(model, DeformableDETR):
        return _describe_detector(model, input_hw or detector_input(model.config))
    if isinstance(model, DAT):
        return _describe_dat(model)
    raise ValueError(f"{type(model).__name__} is neither a Deformable DETR nor a DAT.")


def detector_input(config) -> tuple[int, int]:
    """Height and width a detector's costs are stated for."""
    if (config.short_side, config.long_side) == (800, 1333):
        return COCO_HW
    short = config.short_side or config.long_side * 3 // 4
    return min(short, config.long_side), config.long_side


@contextmanager
def counting():
    """Counts multiply-adds of what runs inside, our op included: yields a function that tells."""

    def attention(value, shapes, locations, weights, *rest, out_shape=None, **_):
        return 2 * (BILINEAR + WEIGHTED) * prod(weights) * value[-1]

    def fused(value, shapes, references, offsets, logits, *rest, out_shape=None, **_):
        return attention(value, shapes, offsets, logits)

    def samples(image, grid, *rest, out_shape=None, **_):
        return 2 * BILINEAR * prod(out_shape)

    counter = FlopCounterMode(
        display=False,
        custom_mapping={
            torch.ops.deformviz.ms_deform_attn: attention,
            torch.ops.deformviz.ms_deform_attn_fused: fused,
            torch.ops.aten.grid_sampler_2d: samples,
        },
    )
    with torch.no_grad(), counter:
        yield lambda: counter.get_total_flops() // 2


def _count(compute: Callable[[], Any]) -> tuple[Any, int]:
    with counting() as total:
        result = compute()
    return result, total()


def _size(*modules: nn.Module | Tensor) -> int:
    """Parameters of several modules, each counted once."""
    found: dict[int, int] = {}
    for module in modules:
        tensors = [module] if isinstance(module, Tensor) else module.parameters()
        found |= {id(tensor): tensor.numel() for tensor in tensors}
    return sum(found.values())


def _describe_detector(model: DeformableDETR, input_hw: tuple[int, int]) -> Architecture:
    """Run the shell of the model, without numbers, part by part."""
    config = model.config
    with torch.device("meta"):
        shell = DeformableDETR(config).eval()
        picture = torch.empty(1, 3, *input_hw)
        features, backbone = _count(lambda: shell.backbone[0].body(picture))
        maps, projection = _count(lambda: shell.project(features))
        shapes = [tuple(level.shape[-2:]) for level in maps]
        pixels, width = sum(h * w for h, w in shapes), config.hidden_channels
        tokens = torch.empty(1, pixels, width)
        points = torch.empty(1, pixels, config.levels, 2)
        watch = LayerWatch(shell.stages, (), False, None)
        _, encoder = _count(
            lambda: shell.transformer.encoder(tokens, tokens, points, shapes, None, watch)
        )
        decoder, proposals = _count_decoder(shell, tokens, shapes, watch), 0
        if config.two_stage:
            _, proposals = _count(
                lambda: (
                    shell.class_embed[-1](shell.transformer.enc_output(tokens)),
                    shell.bbox_embed[-1](tokens),
                )
            )
    sizes = " + ".join(f"{h}×{w}" for h, w in shapes)
    transformer = model.transformer
    own = [
        parameter
        for name, parameter in transformer.named_parameters()
        if not name.startswith(("encoder.", "decoder."))
    ]
    queries = own if config.two_stage else [*own, model.query_embed]
    heads = [model.class_embed, model.bbox_embed]
    known = _size(model.backbone, model.input_proj, transformer.encoder, *queries, *heads)
    parts = [
        Part(
            "backbone",
            config.backbone,
            _size(model.backbone),
            backbone,
            ", ".join(f"{f.shape[1]}×{f.shape[2]}×{f.shape[3]}" for f in features),
        ),
        Part(
            "projection",
            f"{config.levels} levels of {width} channels",
            _size(model.input_proj),
            projection,
            f"{pixels} tokens: {sizes}",
        ),
        Part(
            "encoder",
            f"deformable attention, {config.heads} heads × {config.levels} levels × "
            f"{config.encoder_points} points",
            _size(transformer.encoder),
            encoder,
            f"{pixels} tokens",
            config.encoder_layers,
        ),
        Part(
            "queries",
            "two-stage proposals" if config.two_stage else "learned",
            _size(*queries),
            proposals,
            f"{config.queries} queries",
        ),
        Part(
            "decoder",
            f"among queries, then to {config.heads} heads × {config.levels} levels × "
            f"{config.decoder_points} points",
            _size(model) - known,
            decoder[0],
            f"{config.queries} queries",
            config.decoder_layers,
        ),
        Part(
            "heads",
            "class and box"
            + (", one pair per layer" if config.refine else ", shared by all layers"),
            _size(*heads),
            decoder[1],
            f"{config.queries} × {config.classes} scores, boxes",
        ),
    ]
    return Architecture(input_hw, tuple(parts), _published_detector(model))


def _count_decoder(shell: DeformableDETR, tokens: Tensor, shapes, watch) -> tuple[int, int]:
    """Multiply-adds of the decoder's layers, and of all heads."""
    config = shell.config
    memory = Memory(tokens, shapes, None, torch.empty(1, config.levels, 2))
    content = torch.empty(1, config.queries, config.hidden_channels)
    references = torch.empty(1, config.queries, 4 if config.two_stage else 2)
    position = None if config.query_position == "mlp" else content
    _, both = _count(
        lambda: shell.transformer.decoder(
            content, position, references, memory, shell.bbox_embed, watch
        )
    )
    _, boxes = _count(lambda: [head(content) for head in shell.bbox_embed[: config.decoder_layers]])
    _, classes = _count(
        lambda: [head(content) for head in shell.class_embed[: config.decoder_layers]]
    )
    return both - boxes, boxes + classes


def _published_detector(model: DeformableDETR) -> tuple[str, float, float] | None:
    config = model.config
    usual = (
        config.backbone,
        config.levels,
        config.hidden_channels,
        config.encoder_layers,
        config.decoder_layers,
        config.backbone_width,
        config.queries,
    )
    if usual != ("resnet50", 4, 256, 6, 6, 64, 300):
        return None
    return "Deformable DETR, ResNet-50", *PAPER["Deformable DETR, ResNet-50"]


def _describe_dat(model: DAT) -> Architecture:
    """Run the model's own shell, and count what each stage cost."""
    config, side = model.config, model.config.long_side
    with torch.device("meta"):
        shell = DAT(config).eval()
        (maps, stem) = _count(lambda: shell.patch_proj(torch.empty(1, 3, side, side)))
        parts = [
            Part(
                "stem",
                config.stem.replace("_", " "),
                _size(model.patch_proj),
                stem,
                _map_size(maps),
            )
        ]
        watch = LayerWatch(shell.stage_names, (), False, None)
        for index, stage in enumerate(shell.stages):
            if index:
                maps, cost = _count(lambda i=index, m=maps: shell.down_projs[i - 1](m))
                parts.append(
                    Part(
                        f"transition {index}",
                        "halves the map",
                        _size(model.down_projs[index - 1]),
                        cost,
                        _map_size(maps),
                    )
                )
            maps, cost = _count(lambda s=stage, m=maps: s(m, watch))
            parts.append(
                Part(
                    f"stage {index + 1}",
                    _blocks(config.stages[index].blocks),
                    _size(model.stages[index]),
                    cost,
                    _map_size(maps),
                )
            )
    parts.append(
        Part(
            "head",
            "mean over the map, one linear layer",
            _size(model.cls_norm, model.cls_head),
            config.classes * model.cls_head.in_features,
            f"{config.classes} logits",
        )
    )
    name = next(
        (
            name
            for name, known in PUBLISHED.items()
            if known.stages == config.stages and known.long_side == side
        ),
        None,
    )
    published = (name, *PAPER[name]) if name in PAPER else None
    return Architecture((side, side), tuple(parts), published)


def _blocks(letters: str) -> str:
    """The blocks of a stage in words: "LDLD" -> "2 × windows, 2 × deformed grid"."""
    return ", ".join(
        f"{letters.count(letter)} × {LETTERS[letter]}" for letter in dict.fromkeys(letters)
    )


def _map_size(maps: Tensor) -> str:
    return "×".join(str(size) for size in maps.shape[1:])
