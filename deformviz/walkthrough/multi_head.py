"""Derivation of Eq. 1: dense multi-head attention, as queries attend to each other."""

import torch
from torch import Tensor, nn

from deformviz.attention.dense import (
    attend_keys,
    dense_scores,
    merge_tokens,
    normalise_scores,
    project_third,
    split_tokens,
)
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.blackboard import Blackboard, sums_to_one
from deformviz.walkthrough.step import Worked

SOURCE = "Deformable DETR, Sec. 3, Eq. 1"
WHOLE = (
    r"\mathrm{MultiHeadAttn}(\term{query}, x) = \sum_{m=1}^{M} \term{output_proj} "
    r"[ \sum_{k \in \Omega_k} \term{attention_weights} \cdot \term{value_heads} ]"
)


def work_out(asked: Asked) -> Worked:
    """The self-attention before the asked layer."""
    seen, number = asked.seen, asked.number
    queries = seen.traces[f"{asked.layer}.self"].query
    module = seen.model.transformer.decoder.layers[number].get_submodule("self_attn")
    assert isinstance(module, nn.MultiheadAttention)
    return multi_head(module, queries, queries, seen.decoder.layer_contents[number], asked.query)


@torch.no_grad()
def multi_head(
    module: nn.MultiheadAttention, queries: Tensor, keys: Tensor, values: Tensor, query: int
) -> Worked:
    """MultiHeadAttn(z_q, x) for one query of the first image.

    Args:
        module: with `batch_first=True`.
        queries, keys, values: what the module is called with, [batch token embedding].
        query: which of the queries to follow.
    """
    board, heads = Blackboard("multi_head"), module.num_heads
    one, keys, values = queries[:1, query : query + 1], keys[:1], values[:1]
    weight, bias = module.in_proj_weight, module.in_proj_bias
    board.given("query", one, symbol="z_q", axes="embedding", source=f"{SOURCE}: query {query}")
    board.given(
        "keys",
        keys,
        symbol="x_k",
        axes="key embedding",
        source=f"{SOURCE}: all that is attended to",
        pick=lambda raw: raw[0],
    )
    if values is not keys:
        board.given(
            "contents",
            values,
            symbol=r"\bar{x}_k",
            axes="key embedding",
            source="DETR: values carry no position",
            pick=lambda raw: raw[0],
        )
    board.given("in_proj", weight, symbol="[U; V; W']", axes="row column", source=SOURCE)
    board.given(
        "output_proj", module.out_proj.weight, symbol="W_m", axes="row column", source=SOURCE
    )
    query_heads = _project(board, "query", "query", "U_m z_q", one, weight, bias, 0, heads)
    key_heads = _project(board, "key", "keys", "V_m x_k", keys, weight, bias, 1, heads)
    scores = board.write(
        "scores",
        dense_scores,
        query_heads,
        key_heads,
        symbol="s_{mqk}",
        equation=r"\term{query_heads}^{\top} \, \term{key_heads} \,/\, \sqrt{C_v}",
        axes="head key",
        source=SOURCE,
        pick=lambda raw: raw[0, :, 0],
    )
    weights = board.write(
        "attention_weights",
        normalise_scores,
        scores,
        symbol="A_{mqk}",
        equation=r"\exp \, \term{scores} \,/\, \sum_{k'} \exp \, s_{mqk'}",
        axes="head key",
        source=SOURCE,
        pick=lambda raw: raw[0, :, 0],
        checks=sums_to_one(1, over="key"),
    )
    content = "contents" if values is not keys else "keys"
    value_heads = _project(board, "value", content, "W'_m x_k", values, weight, bias, 2, heads)
    attended = board.write(
        "attended",
        attend_keys,
        weights,
        value_heads,
        symbol="s_{mq}",
        equation=r"\sum_{k \in \Omega_k} \term{attention_weights} \cdot \term{value_heads}",
        axes="head channel",
        source=SOURCE,
        pick=lambda raw: raw[0, :, 0],
    )
    merged = board.write(
        "merged",
        merge_tokens,
        attended,
        symbol="s_q",
        equation=r"[\term{attended}]_{m=1 \ldots M}",
        axes="embedding",
        source=SOURCE,
    )
    board.write(
        "output",
        module.out_proj,
        merged,
        symbol=r"\mathrm{out}_q",
        equation=r"\sum_{m=1}^{M} \term{output_proj} \, \term{attended} + b",
        axes="embedding",
        source=SOURCE,
    )
    said, _ = module(queries[:1], keys, values, need_weights=False)
    return board.finished(said[0, query], WHOLE)


def _project(
    board: Blackboard,
    name: str,
    tokens_name: str,
    symbol: str,
    tokens: Tensor,
    weight: Tensor,
    bias: Tensor,
    third: int,
    heads: int,
) -> Tensor:
    """One projection and its split into heads; of the query only one token is left."""
    matrix = symbol.split(" ")[0]
    single = name == "query"
    projected = board.write(
        f"{name}_projected",
        project_third,
        tokens,
        weight,
        bias,
        third,
        symbol={"query": "u_q", "key": "v_k", "value": "w_k"}[name],
        equation=rf"{matrix.removesuffix('_m')} \, \term{{{tokens_name}}} + b",
        axes="embedding" if single else "key embedding",
        source=SOURCE,
        pick=(lambda raw: raw[0, 0]) if single else (lambda raw: raw[0]),
    )
    return board.write(
        f"{name}_heads",
        split_tokens,
        projected,
        heads,
        symbol=symbol,
        equation=rf"\mathrm{{split}}_M(\term{{{name}_projected}})",
        axes="head channel" if single else "head key channel",
        source=SOURCE,
        pick=(lambda raw: raw[0, :, 0]) if single else (lambda raw: raw[0]),
    )
