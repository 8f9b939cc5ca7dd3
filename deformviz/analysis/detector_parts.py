"""A detector part by part: sizes from the model, costs from its shell without numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deformviz.analysis.architecture import Architecture, Part, size_of
from deformviz.analysis.multiply_adds import count_multiply_adds, counted
from deformviz.models.config import DetectorConfig
from deformviz.models.decoder import Memory
from deformviz.models.dense_config import DETRConfig
from deformviz.models.detector import Detector
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.watch import LayerWatch

QUERY_KEYS = ("query_embed.", "tgt_embed.", "refpoint_embed.")
COCO_HW = (800, 1066)  # the size of most COCO pictures after the evaluation's resize
# backbone, levels, channels, encoder and decoder layers, width of the backbone, queries
PUBLISHED_SIZES = ("resnet50", 4, 256, 6, 6, 64, 300)
DETR_SIZES = ("resnet50", 1, 256, 6, 6, 64, 100)


@dataclass(frozen=True)
class _Costs:
    """Multiply-adds of each part, and the shapes that pass between them."""

    backbone: int
    projection: int
    encoder: int
    proposals: int
    decoder: int
    heads: int
    features: tuple[tuple[int, ...], ...]  # channel, height, width of each map of the backbone
    shapes_hw: tuple[tuple[int, int], ...]  # of the levels

    @property
    def pixels(self) -> int:
        return sum(height * width for height, width in self.shapes_hw)


def describe(model: Detector, input_hw: tuple[int, int] | None = None) -> Architecture:
    """The chain from backbone to heads; for `input_hw`, or what the model is made for."""
    input_hw = input_hw or made_for(model.config)
    parts = _parts(model, _count(model, input_hw))
    return Architecture(input_hw, parts, published_as=_published_as(model.config))


def made_for(config: DetectorConfig) -> tuple[int, int]:
    """Height and width a detector's costs are stated for."""
    if (config.short_side, config.long_side) == (800, 1333):
        return COCO_HW
    short = config.short_side or config.long_side * 3 // 4
    return min(short, config.long_side), config.long_side


def _count(model: Detector, input_hw: tuple[int, int]) -> _Costs:
    """Run a shell of the model, which has shapes and no numbers, part by part."""
    config = model.config
    with torch.device("meta"):
        shell = type(model)(config).eval()
        features, backbone = counted(lambda: shell.trunk(torch.empty(1, 3, *input_hw)))
        maps, projection = counted(lambda: shell.project(features))
        shapes = [tuple(level.shape[-2:]) for level in maps]
        pixels = sum(height * width for height, width in shapes)
        tokens = torch.empty(1, pixels, config.hidden_channels)
        points = torch.empty(1, pixels, config.levels, 2)
        watch = LayerWatch(shell.stages, (), False, None)
        encoder = count_multiply_adds(
            lambda: shell.transformer.encoder(tokens, tokens, points, shapes, None, watch)
        )
        decoder, heads = _count_decoder(shell, tokens, shapes, watch)
        proposals = _count_proposals(shell, tokens) if config.two_stage else 0
    return _Costs(
        backbone,
        projection,
        encoder,
        proposals,
        decoder,
        heads,
        tuple(tuple(level.shape[1:]) for level in features),
        tuple(shapes),
    )


def _count_proposals(shell: Detector, tokens: Tensor) -> int:
    return count_multiply_adds(
        lambda: (
            shell.class_embed[-1](shell.transformer.get_submodule("enc_output")(tokens)),
            shell.bbox_embed[-1](tokens),
        )
    )


def _count_decoder(shell: Detector, tokens: Tensor, shapes, watch) -> tuple[int, int]:
    """Multiply-adds of the decoder's layers, and of all heads."""
    config = shell.config
    memory = Memory(tokens, shapes, None, torch.empty(1, config.levels, 2), tokens)
    content = torch.empty(1, config.query_count, config.hidden_channels)
    boxes = config.two_stage or hasattr(shell, "refpoint_embed")
    references = torch.empty(1, config.query_count, 4 if boxes else 2)
    position = None if config.query_position in ("mlp", "anchor") else content
    both = count_multiply_adds(
        lambda: shell.transformer.decoder(
            content, position, references, memory, shell.bbox_embed, watch
        )
    )
    boxes, classes = (
        count_multiply_adds(lambda h=heads: [head(content) for head in h[: config.decoder_layers]])
        for heads in (shell.bbox_embed, shell.class_embed)
    )
    return both - boxes, boxes + classes


def _parts(model: Detector, costs: _Costs) -> tuple[Part, ...]:
    config, transformer = model.config, model.transformer
    encoder, decoder = _looks(config, "encoder"), _looks(config, "decoder")
    own = [
        parameter
        for name, parameter in transformer.named_parameters()
        if not name.startswith(("encoder.", "decoder."))
    ]
    own += [p for name, p in model.named_parameters() if name.startswith(QUERY_KEYS)]
    queries = own
    heads = [model.class_embed, model.bbox_embed]
    known = size_of(model.backbone, model.input_proj, transformer.encoder, *queries, *heads)
    maps = ", ".join("×".join(map(str, shape)) for shape in costs.features)
    levels = " + ".join(f"{height}×{width}" for height, width in costs.shapes_hw)
    tokens, slots = f"{costs.pixels} tokens", f"{config.query_count} queries"
    return (
        Part("backbone", config.backbone, size_of(model.backbone), costs.backbone, maps),
        Part(
            "projection",
            f"{config.levels} levels of {config.hidden_channels} channels",
            size_of(model.input_proj),
            costs.projection,
            f"{tokens}: {levels}",
        ),
        Part(
            "encoder",
            encoder,
            size_of(transformer.encoder),
            costs.encoder,
            tokens,
            config.encoder_layers,
        ),
        Part(
            "queries",
            "two-stage proposals" if config.two_stage else "learned",
            size_of(*queries),
            costs.proposals,
            slots,
        ),
        Part(
            "decoder",
            f"among queries, then {decoder}",
            size_of(model) - known,
            costs.decoder,
            slots,
            config.decoder_layers,
        ),
        Part(
            "heads",
            f"class and box, {'one pair per layer' if config.refine else 'shared by all layers'}",
            size_of(*heads),
            costs.heads,
            f"{config.query_count} × {config.logit_count} scores, boxes",
        ),
    )


def _looks(config: DetectorConfig, side: str) -> str:
    """What the attention of a side reads, in words."""
    points = getattr(config, f"{side}_points", None)
    if points is None:
        return f"dense attention, {config.heads} heads"
    return f"deformable attention, {config.heads} heads × {config.levels} levels × {points} points"


def _published_as(config: DetectorConfig) -> str:
    """The name under which a paper's table lists a model of these sizes."""
    sizes = (
        config.backbone,
        config.levels,
        config.hidden_channels,
        config.encoder_layers,
        config.decoder_layers,
        config.backbone_width,
        config.queries,
    )
    if type(config) is DETRConfig and sizes == DETR_SIZES:
        return "DETR-DC5, ResNet-50" if config.dilation else "DETR, ResNet-50"
    if type(config) is DeformableDETRConfig and sizes == PUBLISHED_SIZES:
        return "Deformable DETR, ResNet-50"
    return ""
