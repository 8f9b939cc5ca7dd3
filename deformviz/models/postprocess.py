"""From a detector's output for one image to objects in pixels."""

from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.schema import Detections, DetectorOutput


def postprocess(
    output: DetectorOutput,
    original_hw: tuple[int, int],
    *,
    top: int = 100,
    class_names: tuple[str, ...] = (),
) -> Detections:
    """The `top` best (query, class) pairs; one query may appear with several classes.

    Args:
        output: of one image (`output.image(0)`): logits [query class],
            boxes_cxcywh [query cxcywh].
        original_hw: size of the original picture; boxes are given in its pixels.

    Source: PostProcess of Deformable DETR: sigmoid per class, no background class, no NMS.
    """
    if len(output.logits.shape) != 2:
        raise ValueError(
            f"postprocess takes the output of one image; logits has shape "
            f"{tuple(output.logits.shape)}. Take output.image(index) first."
        )
    queries, classes = output.logits.shape
    scores, pairs = output.logits.sigmoid().flatten().topk(min(top, queries * classes))
    found = pairs.div(classes, rounding_mode="floor")
    boxes = scale_boxes(cxcywh_to_xyxy(output.boxes_cxcywh), original_hw)
    return Detections(boxes[found], scores, pairs % classes, found, tuple(class_names))
