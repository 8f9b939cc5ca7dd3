"""What each decoder layer believes of every query, and why an object was missed.

The class and box heads read the queries after every decoder layer, not only after the last: they
are trained to, by auxiliary losses. So each layer's answer can be read off, a logit lens with the
model's own heads. Reads its arrays with NumPy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.geometry import cxcywh_to_xyxy, normalised_to_original, scale_boxes
from deformviz.schema import SHOWN_SCORE, AttentionTrace, DetectorOutput, Trace

NEAR_SHARE = 0.08  # of the picture's longer side: what counts as near a place
FIRST_CLASS = "first_class"  # proposals ranked by class 0, as published checkpoints do


@dataclass(frozen=True)
class Proposals:
    """What every encoder token proposed, before any query was."""

    scores: np.ndarray  # [token], what they are ranked by
    boxes_xyxy_px: np.ndarray  # [token xyxy], pixels of the original picture
    usable: np.ndarray  # [token]: no padding, no anchor out of range
    kept: int  # so many of the best became queries


@dataclass(frozen=True)
class Beliefs:
    """What each query says after each decoder layer."""

    probabilities: np.ndarray  # [layer query class], without "no object"
    boxes_xyxy_px: np.ndarray  # [layer query xyxy], pixels of the original picture
    original_hw: tuple[int, int]
    class_names: tuple[str, ...] = ()
    proposals: Proposals | None = None  # of two-stage models

    @property
    def layers(self) -> int:
        return len(self.probabilities)

    def name(self, label: int) -> str:
        """A class in words, or its number where the model has no names."""
        known = 0 <= label < len(self.class_names)
        return self.class_names[label] if known else f"class {label}"

    def of_query(self, query: int) -> list[Belief]:
        """What one query says, layer after layer."""
        final = int(self.probabilities[-1, query].argmax())
        found = []
        for layer in range(self.layers):
            odds = self.probabilities[layer, query]
            label = int(odds.argmax())
            box = tuple(float(edge) for edge in self.boxes_xyxy_px[layer, query])
            found.append(Belief(layer, query, label, float(odds[label]), float(odds[final]), box))
        return found


@dataclass(frozen=True)
class Belief:
    """What one query says after one decoder layer."""

    layer: int
    query: int
    label: int
    score: float
    final_score: float  # of the class that it says in the end
    box_xyxy_px: tuple[float, ...]

    def contains(self, place_px: np.ndarray) -> bool:
        """Whether a place lies inside its box."""
        x0, y0, x1, y1 = self.box_xyxy_px
        return bool(x0 <= place_px[0] <= x1 and y0 <= place_px[1] <= y1)


@dataclass(frozen=True)
class Nearest:
    """The query nearest to a place after one layer, and how much of its attention is there."""

    belief: Belief
    away_px: float  # from the place to the middle of its box
    near_share: float | None  # of its attention weight; None where the layer samples no points


@dataclass(frozen=True)
class Proposal:
    """The best ranked proposal whose box covers a place."""

    token: int
    rank: int  # 1 is the best
    count: int  # of usable tokens
    kept: int
    score: float
    box_xyxy_px: tuple[float, ...]

    @property
    def is_query(self) -> bool:
        """Whether it became one."""
        return self.rank <= self.kept


@dataclass(frozen=True)
class Missed:
    """Why nothing was found at a place: found, unsure, not_proposed or nobody."""

    place_px: tuple[float, float]
    near_px: float
    nearest: tuple[Nearest, ...]  # after every layer
    proposal: Proposal | None  # None: no proposal covers the place, or there is one stage only
    verdict: str
    finder: Belief | None  # who found it after all, or is the surest of those that cover it


def layer_beliefs(
    output: DetectorOutput,
    original_hw: tuple[int, int],
    *,
    class_names: tuple[str, ...] = (),
    no_object: bool = False,
    proposal_score: str = "max_class",
) -> Beliefs:
    """What each layer says, from the output of one image (`output.image(0)`).

    Args:
        no_object: the last logit says that there is nothing (DETR): softmax, else sigmoid.
        proposal_score: what ranks proposals: "max_class", or class 0 alone as "first_class".
    """
    outputs = [*output.auxiliary, output]
    logits = np.stack([np.asarray(each.logits, np.float64) for each in outputs])
    boxes = np.stack([_pixels(each.boxes_cxcywh, original_hw) for each in outputs])
    odds = _softmax(logits)[..., :-1] if no_object else _sigmoid(logits)
    proposals = None
    if output.proposals is not None:
        said = np.asarray(output.proposals.logits, np.float64)
        ranked_by = said[:, 0] if proposal_score == FIRST_CLASS else said.max(-1)
        raw = np.asarray(output.proposals.boxes_cxcywh, np.float64)
        proposals = Proposals(
            _sigmoid(ranked_by),
            _pixels(raw, original_hw),
            np.asarray((raw < 1).any(-1)),
            odds.shape[1],
        )
    return Beliefs(odds, boxes, original_hw, tuple(class_names), proposals)


def beliefs_of(model: Any, trace: Trace) -> Beliefs:
    """The beliefs behind a trace of one of our detectors.

    Raises:
        ValueError: the trace keeps no output, as that of a model somebody else built.
    """
    if trace.output is None:
        raise ValueError("This trace keeps no output of the model, so no layer's answer is known.")
    config = model.config
    found = trace.detections
    return layer_beliefs(
        trace.output,
        trace.frame.original_hw,
        class_names=() if found is None else found.class_names,
        no_object=bool(getattr(config, "no_object", False)),
        proposal_score=getattr(config, "proposal_score", "max_class"),
    )


def samples_px(record: AttentionTrace, trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Where a layer samples in pixels of the original picture [query sample xy], and its weights
    [query sample], which sum to 1 over the samples of a query."""
    places = normalised_to_original(trace.frame)(np.asarray(record.locations_by_sample, float))
    return flat_samples(np.asarray(places), np.asarray(record.weights_by_sample, float))


def flat_samples(places_px: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples of all heads one after the other; weights then sum to 1 over those of a query."""
    queries, heads = weights.shape[:2]
    return places_px.reshape(queries, -1, 2), weights.reshape(queries, -1) / heads


def why_missed(
    beliefs: Beliefs,
    place_px: Any,
    samples: Mapping[int, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Missed:
    """What became of a place of the picture, layer by layer.

    Args:
        place_px: (x, y) in pixels of the original picture.
        samples: decoder layer -> its places [query sample xy] and weights [query sample].
    """
    place = np.asarray(place_px, float)
    near_px = NEAR_SHARE * max(beliefs.original_hw)
    nearest = tuple(
        _nearest(beliefs, layer, place, near_px, (samples or {}).get(layer))
        for layer in range(beliefs.layers)
    )
    proposal = _best_proposal(beliefs.proposals, place)
    last = [beliefs.of_query(query)[-1] for query in range(beliefs.probabilities.shape[1])]
    covering = [belief for belief in last if belief.contains(place)]
    finder = max(covering, key=lambda belief: belief.score, default=None)
    if finder is not None and finder.score >= SHOWN_SCORE:
        verdict = "found"
    elif finder is not None:
        verdict = "unsure"
    elif beliefs.proposals is not None and not (proposal and proposal.is_query):
        verdict = "not_proposed"
    else:
        verdict = "nobody"
    x, y = (float(each) for each in place)
    return Missed((x, y), near_px, nearest, proposal, verdict, finder)


def nearest_query(beliefs: Beliefs, place_px: Any, layer: int = -1) -> int:
    """The query whose box has its middle nearest to a place after a layer."""
    boxes = beliefs.boxes_xyxy_px[layer]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return int(np.linalg.norm(middles - np.asarray(place_px, float), axis=-1).argmin())


def _nearest(
    beliefs: Beliefs,
    layer: int,
    place: np.ndarray,
    near_px: float,
    samples: tuple[np.ndarray, np.ndarray] | None,
) -> Nearest:
    query = nearest_query(beliefs, place, layer)
    belief = beliefs.of_query(query)[layer]
    x0, y0, x1, y1 = belief.box_xyxy_px
    away = float(np.hypot((x0 + x1) / 2 - place[0], (y0 + y1) / 2 - place[1]))
    share = None
    if samples is not None:
        places, weights = samples
        is_near = np.linalg.norm(places[query] - place, axis=-1) <= near_px
        share = float(weights[query][is_near].sum())
    return Nearest(belief, away, share)


def _best_proposal(proposals: Proposals | None, place: np.ndarray) -> Proposal | None:
    if proposals is None:
        return None
    boxes, usable = proposals.boxes_xyxy_px, proposals.usable
    inside = ((boxes[:, :2] <= place) & (place <= boxes[:, 2:])).all(-1) & usable
    if not inside.any():
        return None
    order = np.argsort(-proposals.scores, kind="stable")
    rank = int(inside[order].argmax())  # the first in order
    token = int(order[rank])
    box = tuple(float(edge) for edge in boxes[token])
    score = float(proposals.scores[token])
    return Proposal(token, rank + 1, int(usable.sum()), proposals.kept, score, box)


def _pixels(boxes_cxcywh: Any, original_hw: tuple[int, int]) -> np.ndarray:
    boxes = cxcywh_to_xyxy(np.asarray(boxes_cxcywh, np.float64))
    return np.asarray(scale_boxes(boxes, original_hw))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * logits))


def _softmax(logits: np.ndarray) -> np.ndarray:
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)
