"""What a query is and where its reference comes from, rung by rung from DETR to Co-DETR.

Each rung is what one paper added. Which of them a checkpoint stands on is read off its
configuration and file; its numbers are those of one query on one picture; and whether a gradient
passes from a box to what it was made of is asked of autograd, not of the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.models.decoder import Memory
from deformviz.models.detector import Detector
from deformviz.models.parts import private_copy
from deformviz.models.proposals import best_tokens
from deformviz.models.watch import LayerWatch

RUNGS = (
    "embedding",  # DETR
    "point",  # Deformable DETR
    "refined",
    "proposal",
    "anchor",  # DAB-DETR
    "modulated",
    "mixed",  # DINO
    "denoising",
    "forward_twice",
    "auxiliary",  # Co-DETR
)
DENOISING = ("label_enc.", "query_head.label_embedding.")
AUXILIARY = ("rpn_head.", "roi_head.", "bbox_head.", "query_head.transformer.aux_pos_trans")


@dataclass(frozen=True)
class Rung:
    """One addition: whether this checkpoint has it, and its numbers for the query."""

    name: str  # of RUNGS
    here: bool
    numbers: dict[str, str]  # for the sentence `ladder.<name>.here`


@dataclass(frozen=True)
class Arrow:
    """Whether the box of a decoder layer passes a gradient to something it was made of."""

    layer: int  # whose box
    source: str  # "start", "proposal", or "step" of an earlier layer
    of_layer: int | None  # of a "step"
    carries: bool


@dataclass(frozen=True)
class Ladder:
    """A detector's queries explained by one of them."""

    query: int
    rungs: tuple[Rung, ...]
    boxes: tuple[tuple[float, ...], ...]  # cxcywh after each decoder layer, of the picture
    start: tuple[float, ...]  # xy or cxcywh before the first one; () where there is none
    arrows: tuple[Arrow, ...]


def query_ladder(model: Detector, pixels: Tensor, query: int | None = None) -> Ladder:
    """Explain one query on a normalised picture [3 H W]; None: the most certain one."""
    watched = private_copy(model)
    memory, masks = _memory_of(watched, pixels)
    with torch.enable_grad():
        seen = _Decoded(watched, memory, masks)
    scores = seen.logits.softmax(-1)[..., :-1] if model.config.no_object else seen.logits.sigmoid()
    if query is None:
        query = int(scores[0].amax(-1).argmax())
    query = min(query, seen.logits.shape[1] - 1)
    start = () if seen.start is None else _numbers(seen.start[0, query])
    return Ladder(
        query,
        tuple(_rung(name, model, seen, query) for name in RUNGS),
        tuple(_numbers(boxes[0, query]) for boxes in seen.boxes),
        start,
        _arrows(seen, query),
    )


def _memory_of(watched: Detector, pixels: Tensor) -> tuple[Memory, Any]:
    """What the encoder made of the picture; no gradient is asked of it."""
    given: list[Any] = []
    begin = watched.begin

    def remember(memory: Memory, masks: Any) -> Any:
        given.extend((memory, masks))
        return begin(memory, masks)

    vars(watched)["begin"] = remember
    with torch.no_grad():
        watched([pixels], traced=False)
    del vars(watched)["begin"]
    memory, masks = given
    return memory, masks


class _Decoded:
    """The decoder run with gradients: its boxes, and what each was made of."""

    def __init__(self, model: Detector, memory: Memory, masks: Any):
        said: list[Tensor] = []
        heads = {id(head): head for head in model.bbox_embed}
        hooks = [head.register_forward_hook(_keeping(said)) for head in heads.values()]
        try:
            self.proposals, queries = model.begin(memory, masks)
            self.proposal = said[0] if said else None  # the step of every token
            said.clear()
            self.content, _, self.start = queries
            watch = LayerWatch(model.stages, (), False, None)
            steps = model.transformer.decoder(*queries, memory, model.bbox_embed, watch)
        finally:
            for hook in hooks:
                hook.remove()
        self.boxes = [boxes for _, boxes in steps]
        self.logits = model.class_embed[len(steps) - 1](steps[-1][0]).detach()
        decoder = model.transformer.decoder
        moves = decoder.refines and hasattr(decoder, "norm")  # boxes and references move apart
        self.steps: list[list[Tensor]] = []
        for index in range(len(steps)):
            count = 2 if moves and index + 1 < len(steps) else 1
            self.steps.append([said.pop(0) for _ in range(count)])


def _keeping(said: list[Tensor]) -> Callable[..., None]:
    def hook(module: nn.Module, given: Any, result: Tensor) -> None:
        said.append(result)

    return hook


def _arrows(seen: _Decoded, query: int) -> tuple[Arrow, ...]:
    found = []
    for layer, boxes in enumerate(seen.boxes):
        box = boxes[0, query].sum()
        if seen.start is not None:
            found.append(Arrow(layer, "start", None, _carries(box, [seen.start])))
        if seen.proposal is not None:
            found.append(Arrow(layer, "proposal", None, _carries(box, [seen.proposal])))
        for earlier in range(layer + 1):
            carries = _carries(box, seen.steps[earlier])
            found.append(Arrow(layer, "step", earlier, carries))
    return tuple(found)


def _carries(box: Tensor, sources: list[Tensor]) -> bool:
    wanted = [source for source in sources if source.requires_grad]
    if not wanted:
        return False
    found = torch.autograd.grad(box, wanted, retain_graph=True, allow_unused=True)
    return any(each is not None and bool(each.abs().max() > 0) for each in found)


def _rung(name: str, model: Detector, seen: _Decoded, query: int) -> Rung:
    config, ignored = model.config, _ignored(model)
    start = None if seen.start is None else _text(seen.start[0, query])
    if name == "embedding":
        table = getattr(model, "query_embed", None)
        if table is None:
            return Rung(name, False, {})
        width = table.weight.shape[1]
        size = float(table.weight[query % len(table.weight)].detach().norm())
        return Rung(name, True, {"width": str(width), "size": f"{size:.2f}"})
    if name == "point":
        return Rung(name, hasattr(model.transformer, "reference_points"), {"start": start or ""})
    if name == "refined":
        moved = seen.boxes[-1][0, query] - seen.boxes[0][0, query]
        return Rung(name, config.refine, {"moved": f"{float(moved[:2].norm().detach()):.4f}"})
    if name == "proposal":
        return Rung(name, config.two_stage, _proposal(model, seen, query))
    if name == "anchor":
        return Rung(name, hasattr(model, "refpoint_embed"), {"start": start or ""})
    if name == "modulated":
        return Rung(name, hasattr(model.transformer.decoder, "ref_anchor_head"), {})
    if name == "mixed":
        learned = config.two_stage and getattr(config, "content_queries", "") == "learned"
        return Rung(name, learned, {})
    if name == "forward_twice":
        return Rung(name, config.look_forward_twice and config.refine, {})
    keys = DENOISING if name == "denoising" else AUXILIARY
    count = sum(key.startswith(keys) for key in ignored)
    return Rung(name, bool(count), {"count": str(count)})


def _proposal(model: Detector, seen: _Decoded, query: int) -> dict[str, str]:
    """Which token became the query, and how sure it was."""
    if seen.proposals is None:
        return {}
    logits = seen.proposals.logits.detach()
    token = int(best_tokens(logits, model.config.queries, model.config.proposal_score)[0, query])
    score = float(logits[0, token].sigmoid().max())
    start = "" if seen.start is None else _text(seen.start[0, query])
    return {"token": str(token), "score": f"{score:.3f}", "start": start}


def _ignored(model: Detector) -> tuple[str, ...]:
    """Keys of its file that only training uses."""
    report = vars(model).get("load_report")
    return () if report is None else tuple(report.ignored)


def _numbers(tensor: Tensor) -> tuple[float, ...]:
    return tuple(float(number) for number in tensor.detach())


def _text(tensor: Tensor) -> str:
    return ", ".join(f"{number:.3f}" for number in _numbers(tensor))
