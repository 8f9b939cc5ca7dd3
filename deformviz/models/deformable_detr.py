"""Deformable DETR (Zhu et al., ICLR 2021, arXiv 2010.04159), whole."""

from collections.abc import Sequence

from torch import Tensor, nn

from deformviz.models.decoder import Memory
from deformviz.models.detector import Detector, Queries
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.transformer import DeformableTransformer
from deformviz.schema import DetectorOutput

__all__ = ["DeformableDETR", "DeformableDETRConfig"]


class DeformableDETR(Detector):
    """1 to 5 levels, DC5, iterative box refinement, two-stage; queries are learnt or proposed."""

    config: DeformableDETRConfig
    transformer: DeformableTransformer
    config_type = DeformableDETRConfig
    transformer_type = DeformableTransformer

    def __init__(self, config: DeformableDETRConfig | None = None):
        super().__init__(config)
        self.make_queries(self.config)
        # The same modules a second time, because the published files list them twice.
        if self.config.refine:
            self.transformer.decoder.bbox_embed = self.bbox_embed
        if self.config.two_stage:
            self.transformer.decoder.class_embed = self.class_embed

    def make_queries(self, config: DeformableDETRConfig) -> None:
        """What the model learns about its queries before it has seen a picture."""
        if not config.two_stage:
            self.query_embed = nn.Embedding(config.queries, 2 * config.hidden_channels)

    def begin(
        self, memory: Memory, masks: Sequence[Tensor]
    ) -> tuple[DetectorOutput | None, Queries]:
        if not self.config.two_stage:
            embedded = self.query_embed.weight
            return None, self.transformer.learned_queries(embedded, len(memory.tokens))
        proposals, chosen = self.transformer.propose(
            memory, masks, self.class_embed[-1], self.bbox_embed[-1]
        )
        return proposals, self.transformer.queries_from_proposals(chosen)
