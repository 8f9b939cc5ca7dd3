"""Derivation of a first box: how one encoder token became a decoder query (two-stage)."""

import torch
from torch import Tensor

from deformviz.models.padding import mask_at, pad_images
from deformviz.models.proposals import anchor_boxes, anchor_logits, best_tokens
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.observe import Observation
from deformviz.walkthrough.step import Check, Worked

SOURCE = "Deformable DETR, Appendix A.4: two-stage Deformable DETR"


class NotTwoStageError(ValueError):
    """The model has learnt queries; there are no proposals to derive."""


def only_usable(memory: Tensor, usable: Tensor) -> Tensor:
    """Tokens without a usable anchor see an empty memory."""
    return memory.masked_fill(~usable[..., None], 0.0)


def propose_box(box_step: Tensor, anchor_logits: Tensor) -> Tensor:
    """A token's box [batch pixel cxcywh]: the step is added to its anchor in logits."""
    return (box_step + anchor_logits).sigmoid()


def tokens_of(seen: Observation) -> Tensor:
    """The encoder tokens that became the decoder's queries of the first image [query].

    Raises:
        NotTwoStageError: the model has one stage.
    """
    config, proposals = seen.model.config, seen.output.proposals
    if proposals is None:
        raise NotTwoStageError(
            "This model has one stage: its queries are learnt, not proposed by the encoder. "
            "Choose a two-stage model."
        )
    return best_tokens(proposals.logits, config.queries, config.proposal_score)[0]


def token_of(seen: Observation, query: int) -> int:
    """The encoder token that became one decoder query; raises as `tokens_of` does."""
    return int(tokens_of(seen)[query])


def work_out(asked: Asked) -> Worked:
    """The proposal that the asking query stands for."""
    return proposals(asked.seen, asked.query)


@torch.no_grad()
def proposals(seen: Observation, query: int) -> Worked:
    """From the encoder's memory at one token to the reference box of the query it became."""
    token = token_of(seen, query)
    board = Blackboard("proposals")
    transformer, memory = seen.model.transformer, seen.decoder.memory

    def row(raw: Tensor) -> Tensor:
        return raw[0, token]

    _, mask = pad_images(seen.images)
    masks = [mask_at(mask, size) for size in memory.spatial_shapes]
    tokens = board.given(
        "memory",
        memory.tokens,
        symbol="x_i",
        axes="embedding",
        pick=row,
        source=f"the encoder's output, token {token}",
    )
    anchors = board.write(
        "anchor",
        anchor_boxes,
        masks,
        seen.model.config.proposal_base_size,
        symbol=r"\hat{b}_i",
        equation=r"(\frac{x + 1/2}{W_l}, \frac{y + 1/2}{H_l}, 2^l s, 2^l s)",
        axes="cxcywh",
        source=SOURCE,
        unit="normalised, un-padded picture",
        pick=lambda raw: row(raw[0]),
    )
    boxes, usable = anchors
    masked = board.write(
        "usable_memory",
        only_usable,
        tokens,
        usable,
        symbol="x'_i",
        equation=r"\term{memory} \cdot [\mathrm{usable}]",
        axes="embedding",
        source="Deformable DETR, published code",
        pick=row,
    )
    projected = board.write(
        "projected",
        transformer.enc_output,
        masked,
        symbol="W_e x'_i",
        equation=r"W_e \term{usable_memory} + b",
        axes="embedding",
        source="Deformable DETR, published code",
        pick=row,
    )
    content = board.write(
        "token",
        transformer.enc_output_norm,
        projected,
        symbol="y_i",
        equation=r"\mathrm{LN}(\term{projected})",
        axes="embedding",
        source="Deformable DETR, published code",
        pick=row,
    )
    logits = board.write(
        "class_logits",
        seen.model.class_embed[-1],
        content,
        symbol="c_i",
        equation=r"W_c \term{token} + b",
        axes="class",
        source=SOURCE,
        pick=row,
    )
    step = board.write(
        "box_step",
        seen.model.bbox_embed[-1],
        content,
        symbol=r"\Delta b_i",
        equation=r"\mathrm{MLP}(\term{token})",
        axes="cxcywh",
        source=SOURCE,
        unit="logits",
        pick=row,
    )
    start = board.write(
        "anchor_logits",
        anchor_logits,
        boxes,
        usable,
        symbol=r"\sigma^{-1}(\hat{b}_i)",
        equation=r"\log \term{anchor} - \log(1 - \term{anchor})",
        axes="cxcywh",
        source=SOURCE,
        unit="logits",
        pick=row,
    )
    board.write(
        "best_token",
        best_tokens,
        logits,
        seen.model.config.queries,
        seen.model.config.proposal_score,
        symbol="i_q",
        equation=r"\mathrm{top}_Q(\term{class_logits})_q",
        axes="",
        source=SOURCE,
        pick=lambda raw: raw[0, query],
        checks=lambda found: (Check(f"is token {token}", int(found) == token),),
    )
    board.write(
        "proposal",
        propose_box,
        step,
        start,
        symbol=r"\hat{b}_q",
        equation=r"\sigma(\term{box_step} + \term{anchor_logits})",
        axes="cxcywh",
        source=SOURCE,
        unit="normalised, un-padded picture",
        pick=row,
    )
    return board.finished(
        seen.decoder.references[0, query],
        r"\term{proposal} = \sigma(\term{box_step} + \term{anchor_logits})",
    )
