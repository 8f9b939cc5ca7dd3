"""How good a detector is on held-out scenes: average precision by the COCO definition."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.batches import to_model_input
from deformviz.training.scenes import CLASSES, EVALUATION, render_many

EVALUATION_SEED = 20_000


@dataclass(frozen=True)
class AveragePrecision:
    """AP over IoU 0.50:0.95, and at 0.50 and 0.75; all objects, 100 detections per picture."""

    ap: float
    ap50: float
    ap75: float

    def __str__(self) -> str:
        return f"AP {self.ap:.3f} AP50 {self.ap50:.3f} AP75 {self.ap75:.3f}"


def _to_xywh(boxes_cxcywh: np.ndarray, size_px: int) -> np.ndarray:
    corners = scale_boxes(cxcywh_to_xyxy(boxes_cxcywh), (size_px, size_px))
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def _truth(scenes, size_px: int) -> COCO:
    """The scenes' objects as a COCO data set."""
    annotations = []
    for image_id, scene in scenes:
        for box, label in zip(_to_xywh(scene.boxes_cxcywh, size_px), scene.labels, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(label) + 1,
                    "bbox": box.tolist(),
                    "area": float(box[2] * box[3]),
                    "iscrowd": 0,
                }
            )
    coco: Any = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": i, "width": size_px, "height": size_px} for i, _ in scenes],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


@torch.inference_mode()
def _detect(model: DeformableDETR, scenes, size_px: int, top: int) -> list[dict]:
    """COCO result entries of a batch of scenes: the top scores over query and class."""
    mean, std = model.config.image_mean, model.config.image_std
    output, _ = model([to_model_input(s.image, mean, std) for _, s in scenes], traced=False)
    found = []
    for i, (image_id, _) in enumerate(scenes):
        scores = output.logits[i].sigmoid()
        best = scores.flatten().topk(min(top, scores.numel()))
        queries, labels = best.indices // scores.shape[1], best.indices % scores.shape[1]
        boxes = _to_xywh(output.boxes_cxcywh[i][queries].double().numpy(), size_px)
        found += [
            {
                "image_id": image_id,
                "category_id": int(label) + 1,
                "bbox": box.tolist(),
                "score": float(score),
            }
            for label, box, score in zip(labels, boxes, best.values, strict=True)
        ]
    return found


def evaluate_detector(
    model: DeformableDETR,
    *,
    scenes: int = 500,
    seed: int = EVALUATION_SEED,
    size_px: int = 192,
    batch: int = 20,
    top: int = 100,
    on_progress: Callable[[int, int], None] | None = None,
) -> AveragePrecision:
    """Average precision on `scenes` square pictures of the fixed evaluation distribution.

    Args:
        seed: which pictures; training never uses this distribution's seeds.
        size_px: side of the pictures, rendered at that size and not resized.
        top: detections kept per picture.
        on_progress: called with pictures done and in all.
    """
    rendered = enumerate(render_many(seed, scenes, (size_px, size_px), EVALUATION), start=1)
    truth, found, pending = [], [], []
    for item in rendered:
        pending.append(item)
        if len(pending) == batch or item[0] == scenes:
            found += _detect(model, pending, size_px, top)
            truth += pending
            pending = []
            if on_progress:
                on_progress(item[0], scenes)
    with contextlib.redirect_stdout(io.StringIO()):
        coco: Any = _truth(truth, size_px)
        scorer = COCOeval(coco, coco.loadRes(found), "bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return AveragePrecision(*(float(value) for value in scorer.stats[:3]))
