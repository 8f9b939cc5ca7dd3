"""DAB-Deformable-DETR (Liu et al., ICLR 2022, arXiv 2201.12329): anchors as queries."""

from collections.abc import Sequence

from torch import Tensor, nn

from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.detector import Queries
from deformviz.models.detector_config import DABDeformableDETRConfig


class DABDeformableDETR(DeformableDETR):
    """A query is a learnt content on a learnt box; every layer moves the box."""

    config_type = DABDeformableDETRConfig

    def make_queries(self, config: DABDeformableDETRConfig) -> None:
        self.tgt_embed = nn.Embedding(config.queries, config.hidden_channels)
        self.refpoint_embed = nn.Embedding(config.queries, 4)  # logits of cx, cy, w, h

    def begin(self, memory: Memory, masks: Sequence[Tensor]) -> tuple[None, Queries]:
        batch = len(memory.tokens)
        content = self.tgt_embed.weight.expand(batch, -1, -1)
        return None, (content, None, self.refpoint_embed.weight.sigmoid().expand(batch, -1, -1))
