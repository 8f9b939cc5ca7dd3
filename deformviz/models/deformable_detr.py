"""Deformable DETR (Zhu et al., ICLR 2021, arXiv 2010.04159), whole."""

import copy
import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from deformviz.models.boxes import MLP
from deformviz.models.compact_backbone import CompactBackbone
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.group_norm import GroupNorm
from deformviz.models.padding import mask_at, pad_images
from deformviz.models.resnet import ResNet
from deformviz.models.transformer import DeformableTransformer
from deformviz.models.watch import LayerWatch, OnLayer
from deformviz.schema import AttentionTrace, DenseTrace, DetectorOutput

__all__ = ["DeformableDETR", "DeformableDETRConfig"]

PRIOR = 0.01  # probability of an object that class heads start with (focal loss, RetinaNet)


class Backbone(nn.Module):
    """Holds the trunk as `body`, as the published keys have it."""

    def __init__(self, config: DeformableDETRConfig):
        super().__init__()
        if config.backbone == "compact":
            self.body = CompactBackbone(
                config.backbone_stages, config.compact_channels, config.compact_blocks
            )
        else:
            self.body = ResNet(
                *config.resnet_topology,
                config.backbone_stages,
                config.backbone_width,
                config.backbone_stem,
                config.dilation,
            )


class DeformableDETR(nn.Module):
    """A detector that returns, beside its boxes, where every layer looked.

    Parameters carry the names of the published checkpoints. Variants: 1 to 5 levels, DC5,
    iterative box refinement, two-stage, and the options of `DeformableDETRConfig`.
    """

    def __init__(self, config: DeformableDETRConfig | None = None):
        super().__init__()
        self.config = config = config or DeformableDETRConfig()
        self.transformer = DeformableTransformer(config)
        self.class_embed, self.bbox_embed = make_heads(config)
        if not config.two_stage:
            self.query_embed = nn.Embedding(config.queries, 2 * config.hidden_channels)
        self.backbone = nn.ModuleList([Backbone(config)])
        self.input_proj = make_projections(config, self.backbone[0].body.out_channels)
        # The same modules a second time, because the published files list them twice.
        if config.refine:
            self.transformer.decoder.bbox_embed = self.bbox_embed
        if config.two_stage:
            self.transformer.decoder.class_embed = self.class_embed

    @property
    def stages(self) -> tuple[str, ...]:
        """What a forward pass consists of, in order, as `on_layer` hears it."""
        encoder = (f"encoder.{i}" for i in range(self.config.encoder_layers))
        decoder = (f"decoder.{i}" for i in range(self.config.decoder_layers))
        return ("backbone", *encoder, *decoder)

    @property
    def trace_names(self) -> tuple[str, ...]:
        """The traces a forward pass can give, in the order in which they are made."""
        names: list[str] = []
        for stage in self.stages[1:]:
            names += [f"{stage}.self", stage] if stage.startswith("decoder") else [stage]
        return tuple(names)

    def forward(
        self,
        images: Sequence[Tensor],
        traced: bool | Collection[str] = True,
        on_layer: OnLayer | None = None,
    ) -> tuple[DetectorOutput, dict[str, AttentionTrace | DenseTrace]]:
        """Detect objects, and say where each layer looked.

        Args:
            images: normalised float [3 H W], sizes may differ; padded and masked inside.
            traced: which layers keep a trace: True for all, False for none, or names of
                `trace_names`.
            on_layer: called as (name, index, count) before each of `stages`; may raise to cancel.

        Returns:
            output: logits [batch query class]; boxes_cxcywh [batch query cxcywh], relative to
                each un-padded image; one auxiliary output per earlier decoder layer; proposals
                of every token where the model has two stages.
            traces: batched records by name: "encoder.0", .. (`AttentionTrace`), "decoder.0.self"
                (`DenseTrace` among queries), "decoder.0" (`AttentionTrace` to the memory), ..
        """
        watch = LayerWatch(self.stages, self.trace_names, traced, on_layer)
        watch.begins("backbone")
        batch, mask = pad_images(images)
        maps = self.project(self.backbone[0].body(batch))
        masks = [mask_at(mask, tuple(level.shape[-2:])) for level in maps]
        memory = self.transformer.encode(maps, masks, watch)
        proposals = None
        if self.config.two_stage:
            proposals, chosen = self.transformer.propose(
                memory, masks, self.class_embed[-1], self.bbox_embed[-1]
            )
            queries = self.transformer.queries_from_proposals(chosen)
        else:
            queries = self.transformer.learned_queries(self.query_embed.weight, len(batch))
        steps = self.transformer.decoder(*queries, memory, self.bbox_embed, watch)
        outputs = [
            DetectorOutput(head(content), boxes)
            for head, (content, boxes) in zip(self.class_embed, steps, strict=False)
        ]
        last = outputs[-1]
        return DetectorOutput(
            last.logits, last.boxes_cxcywh, tuple(outputs[:-1]), proposals
        ), watch.traces

    def project(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Backbone maps as levels [batch channel height width] of equal width.

        The first extra level is convolved from the raw last map, each further one from the
        level before it.
        """
        maps = [layer(level) for layer, level in zip(self.input_proj, features, strict=False)]
        source = features[-1]
        for layer in self.input_proj[len(features) :]:
            source = layer(source)
            maps.append(source)
        return maps


def make_heads(config: DeformableDETRConfig) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Class and box heads as training starts with them.

    With refinement each layer has its own; without, all layers share one, listed several times.
    Boxes start as their reference: the last layer is zero, but for a first size of
    sigmoid(-2) = 12 % of the picture where the reference is a point.
    """
    class_head = nn.Linear(config.hidden_channels, config.classes)
    nn.init.constant_(class_head.bias, -math.log((1 - PRIOR) / PRIOR))
    box_head = MLP(config.hidden_channels, config.hidden_channels, 4, depth=3)
    nn.init.zeros_(box_head.layers[-1].weight)
    nn.init.zeros_(box_head.layers[-1].bias)
    if config.refine:
        classes = [copy.deepcopy(class_head) for _ in range(config.head_count)]
        boxes = [copy.deepcopy(box_head) for _ in range(config.head_count)]
    else:
        classes = [class_head] * config.head_count
        boxes = [box_head] * config.head_count
    if not config.two_stage:
        with torch.no_grad():
            boxes[0].layers[-1].bias[2:] = -2.0
    return nn.ModuleList(classes), nn.ModuleList(boxes)


def make_projections(config: DeformableDETRConfig, channels: tuple[int, ...]) -> nn.ModuleList:
    """1x1 convolutions from the backbone's maps, 3x3 of stride 2 for the levels beyond."""
    extra = max(config.levels - len(channels), 0)
    layers = [nn.Conv2d(inputs, config.hidden_channels, 1) for inputs in channels]
    sources = (channels[-1], config.hidden_channels)
    layers += [
        nn.Conv2d(sources[min(i, 1)], config.hidden_channels, 3, stride=2, padding=1)
        for i in range(extra)
    ]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(
        nn.Sequential(layer, GroupNorm(config.projection_groups, config.hidden_channels))
        for layer in layers
    )
