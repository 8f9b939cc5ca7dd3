"""DETR (Carion et al., ECCV 2020, arXiv 2005.12872) and DAB-DETR (arXiv 2201.12329), whole."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deformviz.models.decoder import Memory
from deformviz.models.dense_config import DABDETRConfig, DETRConfig
from deformviz.models.detector import Detector, Queries
from deformviz.models.transformer import ConditionalTransformer, DenseTransformer


class DETR(Detector):
    """One level, dense attention, a softmax with "no object"; queries are learnt embeddings."""

    config: DETRConfig
    config_type = DETRConfig
    transformer_type = DenseTransformer

    def __init__(self, config: DETRConfig | None = None):
        super().__init__(config)
        self.make_queries(self.config)

    def make_queries(self, config: DETRConfig) -> None:
        """What the model learns about its queries before it has seen a picture."""
        self.query_embed = nn.Embedding(config.queries, config.hidden_channels)

    def begin(self, memory: Memory, masks: Sequence[Tensor]) -> tuple[None, Queries]:
        position = self.query_embed.weight.expand(len(memory.tokens), -1, -1)
        return None, (torch.zeros_like(position), position, None)


class DABDETR(DETR):
    """DAB-DETR: a query is a learnt box, asked about one content or several patterns."""

    config: DABDETRConfig
    transformer: ConditionalTransformer
    config_type = DABDETRConfig
    transformer_type = ConditionalTransformer

    def make_queries(self, config: DABDETRConfig) -> None:
        self.refpoint_embed = nn.Embedding(config.queries, 4)  # logits of cx, cy, w, h
        self.transformer.decoder.bbox_embed = self.bbox_embed  # listed twice, as published

    def begin(self, memory: Memory, masks: Sequence[Tensor]) -> tuple[None, Queries]:
        batch, patterns = len(memory.tokens), self.config.patterns
        anchors = self.refpoint_embed.weight.sigmoid().repeat(max(patterns, 1), 1)
        content = anchors.new_zeros(len(anchors), self.config.hidden_channels)
        if patterns:  # all anchors with the first pattern, then all with the second, ..
            content = self.transformer.patterns.weight.repeat_interleave(self.config.queries, 0)
        return None, (content.expand(batch, -1, -1), None, anchors.expand(batch, -1, -1))
