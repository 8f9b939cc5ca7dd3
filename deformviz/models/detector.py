"""What every detector of the family is: backbone, transformer, and heads on its queries."""

import copy
import math
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.models.boxes import MLP
from deformviz.models.compact_backbone import CompactBackbone
from deformviz.models.config import DetectorConfig
from deformviz.models.decoder import Memory
from deformviz.models.group_norm import GroupNorm
from deformviz.models.padding import mask_at, pad_images
from deformviz.models.resnet import ResNet
from deformviz.models.swin_backbone import SwinBackbone, SwinShape
from deformviz.models.transformer import Transformer
from deformviz.models.watch import LayerWatch, OnLayer
from deformviz.schema import AttentionTrace, DenseTrace, DetectorOutput

PRIOR = 0.01  # probability of an object that class heads start with (focal loss, RetinaNet)

Queries = tuple[Tensor, Tensor | None, Tensor | None]  # content, position, references


class Backbone(nn.Module):
    """Holds the trunk as `body`, as the published keys have it."""

    def __init__(self, config: Any):
        super().__init__()
        if config.backbone == "compact":
            self.body: CompactBackbone | ResNet | SwinBackbone = CompactBackbone(
                config.backbone_stages, config.compact_channels, config.compact_blocks
            )
        elif config.backbone == "swin":
            shape = SwinShape(
                config.backbone_width,
                config.swin_depths,
                config.swin_heads,
                config.swin_window,
                config.swin_mlp_ratio,
            )
            self.body = SwinBackbone(shape, config.backbone_stages)
        else:
            blocks, bottleneck = config.resnet_topology
            self.body = ResNet(
                blocks,
                bottleneck,
                config.backbone_stages,
                config.backbone_width,
                config.backbone_stem,
                config.dilation,
            )


class Detector(nn.Module):
    """A detector that returns, beside its boxes, where every layer looked.

    Parameters carry the names of Deformable DETR's published checkpoints, whatever the system;
    the tables of `checkpoints` translate the others. A system adds how its queries begin.
    """

    config: Any  # of `config_type`
    config_type: type[DetectorConfig]
    transformer_type: type[Transformer]

    def __init__(self, config: DetectorConfig | None = None):
        super().__init__()
        self.config = config = config or self.config_type()
        self.transformer = self.transformer_type(config)
        self.class_embed, self.bbox_embed = make_heads(config)
        backbone = Backbone(config)
        self.backbone = nn.ModuleList([backbone])
        self.input_proj = make_projections(config, backbone.body.out_channels)

    @property
    def trunk(self) -> nn.Module:
        """The network in front of the projections: its maps, from a batch of pictures."""
        return self.backbone[0].get_submodule("body")

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

    @abstractmethod
    def begin(
        self, memory: Memory, masks: Sequence[Tensor]
    ) -> tuple[DetectorOutput | None, Queries]:
        """Proposals of every token, where there are two stages, and what the queries start with."""

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
            traces: batched records by name: "encoder.0", .., "decoder.0.self" (`DenseTrace`
                among queries), "decoder.0" (to the memory), ..; `AttentionTrace` where attention
                is deformable, `DenseTrace` where it is dense.
        """
        watch = LayerWatch(self.stages, self.trace_names, traced, on_layer)
        watch.begins("backbone")
        batch, mask = pad_images(images)
        maps = self.project(self.trunk(batch))
        masks = [mask_at(mask, (level.shape[-2], level.shape[-1])) for level in maps]
        memory = self.transformer.encode(maps, masks, watch)
        proposals, queries = self.begin(memory, masks)
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


def make_heads(config: DetectorConfig) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Class and box heads as training starts with them.

    With refinement each layer has its own, unless the configuration says that layers share one;
    proposals always have their own. Boxes start as their reference: the last layer is zero, but
    for a first size of sigmoid(-2) = 12 % of the picture where the reference is a point.
    """
    class_head = nn.Linear(config.hidden_channels, config.logit_count)
    if not config.no_object:
        nn.init.constant_(class_head.bias, -math.log((1 - PRIOR) / PRIOR))
    box_head = MLP(config.hidden_channels, config.hidden_channels, 4, depth=3)
    for parameter in box_head.layers[-1].parameters():
        nn.init.zeros_(parameter)
    shared = not config.refine if config.shared_heads is None else config.shared_heads
    heads = []
    for head in (class_head, box_head):
        count = config.decoder_layers
        layers = [head] * count if shared else [copy.deepcopy(head) for _ in range(count)]
        extra = [copy.deepcopy(head) for _ in range(config.head_count - count)]
        heads.append(nn.ModuleList([*layers, *extra]))
    if not config.two_stage:
        with torch.no_grad():
            heads[1][0].layers[-1].bias[2:] = -2.0
    return heads[0], heads[1]


def make_projections(config: DetectorConfig, channels: tuple[int, ...]) -> nn.ModuleList:
    """1x1 convolutions from the backbone's maps, 3x3 of stride 2 for the levels beyond."""
    width, bias = config.hidden_channels, config.projection_bias
    extra = max(config.levels - len(channels), 0)
    layers = [nn.Conv2d(inputs, width, 1, bias=bias) for inputs in channels]
    sources = (channels[-1], width)
    layers += [
        nn.Conv2d(sources[min(i, 1)], width, 3, stride=2, padding=1, bias=bias)
        for i in range(extra)
    ]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    if not config.projection_groups:
        return nn.ModuleList(nn.Sequential(layer) for layer in layers)
    return nn.ModuleList(
        nn.Sequential(layer, GroupNorm(config.projection_groups, width)) for layer in layers
    )
