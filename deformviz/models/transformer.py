"""Encoder, query selection and decoder: what lies between feature maps and heads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.config import DetectorConfig
from deformviz.models.decoder import Decoder, DeformableDecoder, Memory
from deformviz.models.dense_decoder import ConditionalDecoder, DenseDecoder
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.encoder import DeformableEncoder, DenseEncoder, Encoder
from deformviz.models.padding import token_references, valid_ratios
from deformviz.models.position import box_positions, token_positions
from deformviz.models.proposals import anchor_boxes, anchor_logits, best_tokens, take_tokens
from deformviz.models.watch import LayerWatch
from deformviz.schema import DetectorOutput


class Transformer(nn.Module):
    """Feature maps in, decoder states and boxes out; the kinds of attention are its subclasses'."""

    encoder_type: type[Encoder]
    decoder_type: type[Decoder]

    def __init__(self, config: DetectorConfig):
        super().__init__()
        self.config = config
        if config.level_embedding:
            self.level_embed = nn.Parameter(torch.empty(config.levels, config.hidden_channels))
        self.encoder = self.encoder_type(config)
        self.decoder = self.decoder_type(config)

    @torch.no_grad()
    def initialise(self) -> None:
        """Matrices as Xavier uniform, attention as its own module says, levels as normal."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, MultiScaleDeformableAttention):
                module.initialise()

    def token_places(self, masks: Sequence[Tensor], ratios: Tensor) -> Tensor | None:
        """The reference points of the tokens [batch pixel level xy], where attention has any."""
        return None

    def token_positions(self, masks: Sequence[Tensor]) -> Tensor:
        """What marks the place of each token [batch pixel channel]."""
        config = self.config
        positions = [
            token_positions(
                mask,
                config.hidden_channels,
                frequencies=config.position_frequencies,
                temperature=config.position_temperature,
                shift=config.position_shift,
            )
            for mask in masks
        ]
        if config.level_embedding:
            like = self.level_embed
            pairs = zip(positions, like, strict=True)
            positions = [position.to(like.dtype) + embedded for position, embedded in pairs]
        return torch.cat(positions, dim=1)

    def encode(self, maps: Sequence[Tensor], masks: Sequence[Tensor], watch: LayerWatch) -> Memory:
        """Projected maps [batch channel height width] and masks per level to the memory."""
        tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)
        positions = self.token_positions(masks).to(tokens.dtype)
        shapes = [(level.shape[-2], level.shape[-1]) for level in maps]
        padding = torch.cat([mask.flatten(1) for mask in masks], dim=1)
        padding = padding if bool(padding.any()) else None
        ratios = valid_ratios(masks)
        encoded = self.encoder(
            tokens, positions, self.token_places(masks, ratios), shapes, padding, watch
        )
        return Memory(encoded, shapes, padding, ratios, positions)


class DenseTransformer(Transformer):
    """DETR's: one level, every token to every token."""

    encoder_type, decoder_type = DenseEncoder, DenseDecoder

    def __init__(self, config: DetectorConfig):
        super().__init__(config)
        self.initialise()


class ConditionalTransformer(DenseTransformer):
    """DAB-DETR's; with patterns every anchor is asked about several contents."""

    decoder_type = ConditionalDecoder

    patterns: nn.Embedding

    def __init__(self, config: Any):
        super().__init__(config)
        if config.patterns:
            self.patterns = nn.Embedding(config.patterns, config.hidden_channels)


class DeformableTransformer(Transformer):
    """Deformable DETR's and that of the systems after it; keys are the published ones."""

    encoder_type, decoder_type = DeformableEncoder, DeformableDecoder

    config: DeformableDETRConfig

    def __init__(self, config: DeformableDETRConfig):
        super().__init__(config)
        width = config.hidden_channels
        if config.two_stage:
            self.enc_output = nn.Linear(width, width)
            self.enc_output_norm = nn.LayerNorm(width)
        elif not config.learned_anchors:
            self.reference_points = nn.Linear(width, 2)
        self.content_from_proposals = (
            config.two_stage and config.content_queries == "from_proposals"
        )
        if config.two_stage and (
            self.content_from_proposals or config.query_position == "pos_trans"
        ):
            self.pos_trans = nn.Linear(2 * width, 2 * width)
            self.pos_trans_norm = nn.LayerNorm(2 * width)
        if config.two_stage and not self.content_from_proposals:
            self.tgt_embed = nn.Embedding(config.queries, width)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        super().initialise()
        if hasattr(self, "reference_points"):
            nn.init.zeros_(self.reference_points.bias)
        if hasattr(self, "tgt_embed"):
            nn.init.normal_(self.tgt_embed.weight)
        nn.init.normal_(self.level_embed)

    def token_places(self, masks: Sequence[Tensor], ratios: Tensor) -> Tensor:
        return token_references(masks, ratios)

    def propose(
        self, memory: Memory, masks: Sequence[Tensor], class_head: nn.Module, box_head: nn.Module
    ) -> tuple[DetectorOutput, Tensor]:
        """Every token's guess, and the logits of the chosen boxes [batch query cxcywh], detached.

        Tokens that are padding or whose anchor is out of range see an empty memory, and their
        guess is the box (1, 1, 1, 1).
        """
        anchors, usable = anchor_boxes(masks, self.config.proposal_base_size)
        tokens = memory.tokens.masked_fill(~usable[..., None], 0.0)
        tokens = self.enc_output_norm(self.enc_output(tokens))
        logits = class_head(tokens)
        boxes = box_head(tokens) + anchor_logits(anchors, usable)
        if self.config.queries > logits.shape[1]:
            raise ValueError(
                f"The image gives {logits.shape[1]} tokens, fewer than the {self.config.queries} "
                f"queries of this two-stage model. Use a larger image."
            )
        best = best_tokens(logits, self.config.queries, self.config.proposal_score)
        chosen = take_tokens(boxes, best).detach()
        return DetectorOutput(logits, boxes.sigmoid()), chosen

    def queries_from_proposals(self, chosen: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Content, position and reference boxes of the queries, from logits of chosen boxes."""
        config, references = self.config, chosen.sigmoid()
        position = None
        if hasattr(self, "pos_trans"):
            embedded = box_positions(
                references, config.hidden_channels, frequencies=config.position_frequencies
            )
            both = self.pos_trans_norm(self.pos_trans(embedded))
            position, content = both.split(config.hidden_channels, dim=-1)
            if config.query_position != "pos_trans":
                position = None
        if not self.content_from_proposals:
            content = self.tgt_embed.weight.expand(len(chosen), -1, -1)
        return content, position, references

    def learned_queries(self, embedded: Tensor, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Content, position and reference points from `query_embed` [query (position content)]."""
        width = self.config.hidden_channels
        position, content = embedded.expand(batch, -1, -1).split(width, dim=-1)
        return content, position, self.reference_points(position).sigmoid()
