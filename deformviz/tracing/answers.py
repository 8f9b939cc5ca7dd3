"""What a model of transformers answered about one picture, as detections in its pixels.

Answers are told by their fields, not by the model: classes and boxes, classes and masks, boxes and
words. Queries are kept with every detection, which the models' own post-processing drops.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.models.postprocess import postprocess
from deformviz.schema import Detections, DetectorOutput, ImageFrame

MASK_THRESHOLD = 0.5  # of a sigmoid
WORD_THRESHOLD = 0.25  # a token counts as part of the phrase above it
LOGITS = ("logits", "decoder_class_logits")
BOXES = ("pred_boxes", "decoder_coord_logits")
MASKED = ("class_queries_logits", "masks_queries_logits")


def read_answer(
    model: Any, outputs: Mapping[str, Any], inputs: Mapping[str, Any], frame: ImageFrame, top: int
) -> Detections | None:
    """The best `top` answers for the first picture of the batch; None of a model without any.

    Args:
        outputs: what the model returned.
        inputs: what it was given, for the words of a prompt.
    """
    given = {name: value for name, value in outputs.items() if isinstance(value, Tensor)}
    if all(name in given for name in MASKED):
        classes, masks = (given[name][0].float() for name in MASKED)
        return _masked(classes, masks, frame, top, class_names(model))
    logits = next((given[name][0].float() for name in LOGITS if name in given), None)
    boxes = next((given[name][0].float() for name in BOXES if name in given), None)
    if logits is None or boxes is None or logits.dim() != 2 or boxes.shape[-1] != 4:
        return None
    words = inputs.get("input_ids")
    if words is not None and logits.shape[-1] >= words.shape[-1]:
        return _worded(model, logits, boxes, words[0], frame, top)
    output = DetectorOutput(logits, boxes)
    names = inputs.get("class_names") or class_names(model)
    found = postprocess(output, frame.original_hw, top=top, class_names=tuple(names))
    masks = given.get("pred_masks")
    if masks is not None and masks.dim() == 4:
        found = _with_masks(found, masks[0].float(), frame)
    return found


def class_names(model: Any) -> tuple[str, ...]:
    """The names of a model's classes, from its configuration; empty where there are none."""
    names = getattr(model.config, "id2label", None) or {}
    return tuple(str(names.get(index, f"class {index}")) for index in range(len(names)))


def _worded(model, logits: Tensor, boxes: Tensor, words: Tensor, frame, top) -> Detections:
    """Queries by their best token; the label is the phrase the tokens above a threshold make.

    Source: post-processing of Grounding DINO (arXiv 2303.05499).
    """
    shares = logits.sigmoid()[:, : len(words)]
    scores, queries = shares.max(-1).values.topk(min(top, len(shares)))
    tokenizer = getattr(getattr(model, "processor", None), "tokenizer", None)
    phrases: list[str] = []
    labels = []
    for query in queries.tolist():
        chosen = words[(shares[query] > WORD_THRESHOLD) & (words != words[0])]
        phrase = tokenizer.decode(chosen, skip_special_tokens=True) if tokenizer else ""
        if phrase not in phrases:
            phrases.append(phrase)
        labels.append(phrases.index(phrase))
    corners = scale_boxes(cxcywh_to_xyxy(boxes), frame.original_hw)[queries]
    named = tuple(phrase or "no word above the threshold" for phrase in phrases)
    return Detections(corners, scores, torch.tensor(labels), queries, named)


def _masked(classes: Tensor, masks: Tensor, frame, top: int, names) -> Detections:
    """Queries by their best class; a mask per query, its box around it.

    Source: Mask2Former (arXiv 2112.01527): the last class is "no object".
    """
    scores, labels = classes.softmax(-1)[:, :-1].max(-1)
    scores, queries = scores.topk(min(top, len(scores)))
    seen = masks_of_picture(masks[queries], frame)
    return Detections(_around(seen), scores, labels[queries], queries, tuple(names), masks=seen)


def _with_masks(found: Detections, masks: Tensor, frame: ImageFrame) -> Detections:
    return replace(found, masks=masks_of_picture(masks[found.queries], frame))


def masks_of_picture(masks: Tensor, frame: ImageFrame) -> Tensor:
    """Mask logits [query row column] over the padded input as bool over the original picture."""
    resized, padded = frame.resized_hw, frame.padded_hw
    options = {"mode": "bilinear", "align_corners": False}
    whole = F.interpolate(masks[None], size=padded, **options)[..., : resized[0], : resized[1]]
    own = F.interpolate(whole, size=frame.original_hw, **options)[0]
    return own.sigmoid() > MASK_THRESHOLD


def _around(masks: Tensor) -> Tensor:
    """The box around each mask [query xyxy] in pixels; of an empty one zeros."""
    boxes = []
    for mask in masks:
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        if not len(rows):
            boxes.append([0.0, 0.0, 0.0, 0.0])
            continue
        ends = int(columns.max()) + 1, int(rows.max()) + 1
        boxes.append([float(columns.min()), float(rows.min()), *map(float, ends)])
    return torch.tensor(boxes).reshape(-1, 4)
