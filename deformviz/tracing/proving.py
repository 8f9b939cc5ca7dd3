"""Proofs beside a run of our own models: each traced layer replayed while its values are there."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import get_ident
from typing import Any

import torch
from torch import nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.schema import AttentionTrace
from deformviz.tracing.listening import OwnListener
from deformviz.tracing.listening_grids import DATListener
from deformviz.tracing.proof import Evidence, prove
from deformviz.tracing.proven import Proof
from deformviz.tracing.record import layer_names

MOST_QUERIES = 512  # replayed of a layer, evenly spread: a page does not wait for all of them


@contextmanager
def proving(model: nn.Module, layers: Collection[str] | None = None) -> Iterator[dict[str, Proof]]:
    """Collects the proof of every deformable layer that runs in the block, by name.

    At most 512 queries of a layer are replayed, evenly spread; `record` replays all of them.

    Args:
        model: one of ours. Its attention modules are heard; forms that share them count as well.
        layers: names of the layers to prove; None = all.
    """
    kinds = (MultiScaleDeformableAttention, DATAttention)
    found = {path: child for path, child in model.named_modules() if isinstance(child, kinds)}
    proofs: dict[str, Proof] = {}
    handles = []
    try:
        for name, child in zip(layer_names(list(found)), found.values(), strict=True):
            if layers is None or name in layers:
                own = isinstance(child, MultiScaleDeformableAttention)
                listener = OwnListener(child) if own else DATListener(child)
                handles += listener.attach(_keeper(name, proofs), lambda reason: None)
        yield proofs
    finally:
        for handle in handles:
            handle.remove()


def _keeper(name: str, proofs: dict[str, Proof]) -> Any:
    thread = get_ident()

    def keep(trace: Any, evidence: Evidence) -> None:
        if get_ident() == thread:  # not a run of the same model beside this one
            proofs[name] = prove(name, *spread(trace, evidence))

    return keep


def spread(trace: Any, evidence: Evidence, most: int = MOST_QUERIES) -> tuple[Any, Evidence]:
    """The same of at most so many queries, evenly spread; grids have few and stay whole."""
    if not isinstance(trace, AttentionTrace) or trace.attention_weights.shape[1] <= most:
        return trace, evidence
    chosen = torch.linspace(0, trace.attention_weights.shape[1] - 1, most).long().tolist()
    return trace.select_queries(chosen), replace(evidence, returned=evidence.returned[:, chosen])
