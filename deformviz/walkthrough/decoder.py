"""Derivation of a box: from the query's embedding to its reference, through one layer, to a box."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.models.boxes import inverse_sigmoid, refine
from deformviz.models.decoder import Decoder, DecoderLayer, Memory, scale_to_padded
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.position import anchor_positions, box_positions
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.observe import Observation
from deformviz.walkthrough.step import Check, Worked

SOURCE = "Deformable DETR, Sec. 4.2 and Appendix A.3"
WHOLE = r"\term{box} = \sigma(\term{box_step} + \term{reference_logits})"
REFINEMENT = "Deformable DETR, Appendix A.4: iterative bounding box refinement"


def add_and_normalise(norm: nn.Module, content: Tensor, change: Tensor) -> Tensor:
    """The residual sum, normalised after it (post-norm)."""
    return norm(content + change)


def feed_forward(layer: DecoderLayer, content: Tensor) -> Tensor:
    """Two linear layers with ReLU between them, on every query alone."""
    return layer.linear2(F.relu(layer.linear1(content)))


def work_out(asked: Asked) -> Worked:
    """The asked layer, from its query to a box."""
    return decoder(asked.seen, asked.number, asked.query)


@torch.no_grad()
def decoder(seen: Observation, layer: int, query: int) -> Worked:
    """One decoder layer for one query of the first image, up to its box."""
    board = Blackboard("decoder")
    start = seen.decoder
    module = seen.model.transformer.decoder.layers[layer]
    row = _Row(query)
    content, position, references = _write_start(board, seen, layer, row)
    content = _write_self_attention(board, module, content, position, row)
    padded = board.write(
        "padded_references",
        scale_to_padded,
        references,
        start.memory.valid_ratios,
        symbol=r"\hat{p}_{q}^{\,l}",
        equation=r"\term{references} \cdot r_l",
        axes="level cxcywh" if references.shape[-1] == 4 else "level xy",
        source="Deformable DETR, published code: valid ratios",
        unit="normalised, padded",
        pick=row,
    )
    memory = start.memory
    attended = board.write(
        "cross_attended",
        module.get_submodule("cross_attn"),
        content + position,
        padded,
        memory.tokens,
        memory.spatial_shapes,
        memory.padding_mask,
        symbol=r"\mathrm{out}_q",
        equation=r"\mathrm{MSDeformAttn}(\term{after_self} + \term{position}, "
        r"\term{padded_references}, x)",
        axes="embedding",
        source="Deformable DETR, Sec. 4.2, Eq. 3",
        pick=lambda raw: row(raw[0]),
    )
    content = _write_rest(board, module, content, attended, row)
    logits = _write_box(board, seen, layer, content, references, row)
    _check_logits(board, logits, seen.layer_output(layer).logits[0, query], query)
    return board.finished(seen.layer_output(layer).boxes_cxcywh[0, query], WHOLE)


class _Row:
    """Picks one query of the first image."""

    def __init__(self, query: int):
        self.query = query

    def __call__(self, raw: Tensor) -> Tensor:
        return raw[0, self.query]


def _write_start(
    board: Blackboard, seen: Observation, layer: int, row: _Row
) -> tuple[Tensor, Tensor, Tensor]:
    """Content, position and references of all queries as the layer meets them."""
    model, start = seen.model, seen.decoder
    references = seen.references_before(layer)
    axes = "cxcywh" if references.shape[-1] == 4 else "xy"
    content = start.layer_contents[layer]
    if layer == 0 and not (model.config.two_stage or model.config.learned_anchors):
        content, position, references = _write_embedding(board, seen, row)
        return content, position, references
    source = f"box of decoder layer {layer - 1}"
    if layer == 0:
        source = "learnt anchor" if model.config.learned_anchors else "two-stage proposal"
    if not model.config.refine:
        source = "the query's reference point, the same in every layer"
    board.given(
        "references",
        references,
        symbol=r"\hat{p}_q",
        axes=axes,
        unit="normalised",
        source=f"{REFINEMENT}: {source}",
        pick=row,
    )
    board.given(
        "content",
        content,
        symbol="t_q",
        axes="embedding",
        pick=row,
        source="learnt content query" if layer == 0 else f"decoder layer {layer - 1}",
    )
    if start.position is not None:
        position = board.given(
            "position",
            start.position,
            symbol="e_q",
            axes="embedding",
            source="position embedding of the query",
            pick=row,
        )
        return content, position, references
    config, decoder_module = model.config, model.transformer.decoder
    sines = board.write(
        "box_sines",
        _sines(config, start.memory),
        references,
        symbol=r"\mathrm{sine}(\hat{p}_q)",
        equation=r"(\sin, \cos)(2\pi \, \term{references} \,/\, \lambda_i)",
        axes="feature",
        source="DAB-DETR (arXiv 2201.12329), Sec. 4.2",
        pick=row,
    )
    scaled = layer > 0 and config.query_scale
    position = board.write(
        "position",
        _scaled_position(decoder_module, layer) if scaled else decoder_module.ref_point_head,
        sines.to(content.dtype),
        *((content,) if scaled else ()),
        symbol="e_q",
        equation=r"\mathrm{MLP}(\term{box_sines})"
        + (r" \cdot \mathrm{MLP}(\term{content})" if scaled else ""),
        axes="embedding",
        source="DAB-DETR (arXiv 2201.12329), Sec. 4.2",
        pick=row,
    )
    return content, position, references


def _scaled_position(decoder: Decoder, layer: int) -> Callable[[Tensor, Tensor], Tensor]:
    def scale_position(sines: Tensor, content: Tensor) -> Tensor:
        return decoder.scaled(layer, content, decoder.ref_point_head(sines))

    return scale_position


def _sines(config: DeformableDETRConfig, memory: Memory) -> Callable[[Tensor], Tensor]:
    if config.query_position == "anchor":

        def embed_anchors(references: Tensor) -> Tensor:
            on_first_level = scale_to_padded(references, memory.valid_ratios)[:, :, 0]
            return anchor_positions(on_first_level, config.hidden_channels)

        return embed_anchors

    def embed_boxes(references: Tensor) -> Tensor:
        return box_positions(
            references, config.hidden_channels, frequencies=config.position_frequencies
        )

    return embed_boxes


def _write_embedding(
    board: Blackboard, seen: Observation, row: _Row
) -> tuple[Tensor, Tensor, Tensor]:
    """Without two stages everything begins with 2C learnt numbers per query."""
    embedded = board.given(
        "query_embed",
        seen.model.query_embed.weight,
        symbol="[e_q; t_q]",
        axes="both",
        source=f"{SOURCE}: learnt, position first",
        pick=lambda raw: raw[row.query],
    )
    split, batch = seen.model.transformer.learned_queries, len(seen.images)
    parts = []
    for index, (name, symbol, equation, axes) in enumerate(
        (
            ("content", "t_q", r"\term{query_embed}_{C \ldots 2C}", "embedding"),
            ("position", "e_q", r"\term{query_embed}_{0 \ldots C}", "embedding"),
            ("references", r"\hat{p}_q", r"\sigma(W_p \, \term{position} + b)", "xy"),
        )
    ):
        whole = board.write(
            name,
            split,
            embedded,
            batch,
            symbol=symbol,
            equation=equation,
            axes=axes,
            source=SOURCE,
            pick=lambda raw, index=index: row(raw[index]),
        )
        parts.append(whole[index])
        board.rename(whole, parts[-1])
    return tuple(parts)


def _write_self_attention(board, module, content, position, row) -> Tensor:
    attended = board.write(
        "self_attended",
        module.attend_to_queries,
        content,
        position,
        False,
        symbol=r"s_q",
        equation=r"\mathrm{MultiHeadAttn}(\term{content} + \term{position})",
        axes="embedding",
        source="Deformable DETR, Sec. 3, Eq. 1",
        pick=lambda raw: row(raw[0]),
    )
    return board.write(
        "after_self",
        add_and_normalise,
        module.norm2,
        content,
        attended[0],
        symbol="t'_q",
        equation=r"\mathrm{LN}_2(\term{content} + \term{self_attended})",
        axes="embedding",
        source=SOURCE,
        pick=row,
    )


def _write_rest(board, module, content, attended, row) -> Tensor:
    content = board.write(
        "after_cross",
        add_and_normalise,
        module.norm1,
        content,
        attended[0],
        symbol="t''_q",
        equation=r"\mathrm{LN}_1(\term{after_self} + \term{cross_attended})",
        axes="embedding",
        source=SOURCE,
        pick=row,
    )
    inner = board.write(
        "feed_forward",
        feed_forward,
        module,
        content,
        symbol="f_q",
        equation=r"W_2 \max(0, W_1 \term{after_cross} + b_1) + b_2",
        axes="embedding",
        source="Attention Is All You Need, Eq. 2",
        pick=row,
    )
    return board.write(
        "after_feed_forward",
        add_and_normalise,
        module.norm3,
        content,
        inner,
        symbol=r"\tilde{t}_q",
        equation=r"\mathrm{LN}_3(\term{after_cross} + \term{feed_forward})",
        axes="embedding",
        source=SOURCE,
        pick=row,
    )


def _write_box(board, seen, layer, content, references, row) -> Tensor:
    model, decoder = seen.model, seen.model.transformer.decoder
    epsilon = decoder.epsilon
    read = r"\term{after_feed_forward}"
    if model.config.decoder_norm:
        read = rf"\mathrm{{LN}}({read})"
    logits = board.write(
        "class_logits",
        _reading(decoder, model.class_embed[layer]),
        content,
        symbol="c_q",
        equation=rf"W_c \, {read} + b",
        axes="class",
        source=SOURCE,
        pick=row,
    )
    step = board.write(
        "box_step",
        _reading(decoder, model.bbox_embed[layer]),
        content,
        symbol=r"\Delta b_q",
        equation=rf"\mathrm{{MLP}}({read})",
        axes="cxcywh",
        source=SOURCE,
        unit="logits",
        pick=row,
    )
    board.write(
        "reference_logits",
        inverse_sigmoid,
        references,
        epsilon,
        symbol=r"\sigma^{-1}(\hat{p}_q)",
        equation=r"\log \term{references} - \log(1 - \term{references})",
        axes="cxcywh" if references.shape[-1] == 4 else "xy",
        source=REFINEMENT,
        unit="logits",
        pick=row,
    )
    added = r"\term{box_step} + \term{reference_logits}"
    board.write(
        "box",
        refine,
        step,
        references,
        epsilon,
        symbol=r"\hat{b}_q",
        equation=rf"\sigma({added})",
        axes="cxcywh",
        source=REFINEMENT,
        unit="normalised, un-padded picture",
        pick=row,
        checks=_a_share,
    )
    return logits


def _reading(decoder: Decoder, head: nn.Module) -> Callable[[Tensor], Tensor]:
    """A head as it reads a content: behind the decoder's last norm, where there is one."""
    if not hasattr(decoder, "norm"):
        return head

    def read_normalised(content: Tensor) -> Tensor:
        return head(decoder.norm(content))

    return read_normalised


def _a_share(box: Tensor) -> tuple[Check, ...]:
    return (Check("all four between 0 and 1", bool(((box >= 0) & (box <= 1)).all())),)


def _check_logits(board: Blackboard, logits: Tensor, said: Tensor, query: int) -> None:
    worst = float((logits[0, query] - said).abs().max())
    board.check("class_logits", Check(f"differs from the model's by {worst:.1e}", worst < 1e-4))
