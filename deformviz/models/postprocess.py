"""From a detector's output for one image to objects in pixels."""

import torch

from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.schema import Detections, DetectorOutput


def postprocess(
    output: DetectorOutput,
    original_hw: tuple[int, int],
    *,
    top: int = 100,
    class_names: tuple[str, ...] = (),
    no_object: bool = False,
) -> Detections:
    """The best (query, class) pairs; or, with `no_object`, every query with its best class.

    Args:
        output: of one image (`output.image(0)`): logits [query class],
            boxes_cxcywh [query cxcywh].
        original_hw: size of the original picture; boxes are given in its pixels.
        top: how many pairs at most; one query may appear with several classes.
        no_object: the last logit says that there is nothing (DETR).

    Source: PostProcess of Deformable DETR: sigmoid per class, no background class, no NMS; of
    DETR: softmax, in which "no object" takes its share and is then left out.
    """
    if len(output.logits.shape) != 2:
        raise ValueError(
            f"postprocess takes the output of one image; logits has shape "
            f"{tuple(output.logits.shape)}. Take output.image(index) first."
        )
    boxes = scale_boxes(cxcywh_to_xyxy(output.boxes_cxcywh), original_hw)
    if no_object:
        best, labels = output.logits.softmax(-1)[:, :-1].max(-1)
        scores, found = best.topk(min(top, len(best)))
        return Detections(boxes[found], scores, labels[found], found, tuple(class_names))
    queries, classes = output.logits.shape
    scores, pairs = output.logits.sigmoid().flatten().topk(min(top, queries * classes))
    found = torch.div(pairs, classes, rounding_mode="floor")
    return Detections(boxes[found], scores, pairs % classes, found, tuple(class_names))
