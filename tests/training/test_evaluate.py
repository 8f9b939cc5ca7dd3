"""Average precision: a detector that knows the answers scores 1, and worse ones score less."""

import pytest
import torch

from deformviz.schema import DetectorOutput
from deformviz.training.evaluate import evaluate_detector
from deformviz.training.recipe import scenes_config
from deformviz.training.scenes import CLASSES, EVALUATION, render_many

SEED, COUNT, SIZE = 7, 12, 64


class Oracle:
    """Answers with the true boxes of the scenes, moved and relabelled as asked."""

    def __init__(self, shift=0.0, wrong_class=False, silent=False):
        self.config = scenes_config()
        self.scenes = render_many(SEED, COUNT, (SIZE, SIZE), EVALUATION)
        self.shift, self.wrong_class, self.silent = shift, wrong_class, silent

    def __call__(self, images, traced):
        logits = torch.full((len(images), 12, len(CLASSES)), -9.0)
        boxes = torch.full((len(images), 12, 4), 0.5)
        for i, scene in zip(range(len(images)), self.scenes, strict=False):
            for query, (box, label) in enumerate(
                zip(scene.boxes_cxcywh, scene.labels, strict=True)
            ):
                label = (label + 1) % len(CLASSES) if self.wrong_class else label
                logits[i, query, label] = -9.0 if self.silent else 5.0
                boxes[i, query] = torch.from_numpy(box)
                boxes[i, query, 0] += self.shift * box[2]
        return DetectorOutput(logits, boxes), {}


def score(**options):
    return evaluate_detector(Oracle(**options), scenes=COUNT, seed=SEED, size_px=SIZE, batch=5)


def test_the_truth_scores_one():
    assert str(score()) == "AP 1.000 AP50 1.000 AP75 1.000"


def test_boxes_a_fifth_of_their_width_off_pass_at_half_overlap_only():
    # overlap 0.8 / 1.2 = 0.667: above 0.50, 0.55, 0.60 and 0.65 of the ten thresholds
    moved = score(shift=0.2)
    assert moved.ap50 == pytest.approx(1, abs=0.01) and moved.ap75 == 0
    assert moved.ap == pytest.approx(0.4, abs=0.02)


def test_wrong_classes_score_nothing():
    assert score(wrong_class=True).ap50 < 0.2


def test_progress_is_told():
    heard = []
    evaluate_detector(
        Oracle(),
        scenes=COUNT,
        seed=SEED,
        size_px=SIZE,
        batch=5,
        on_progress=lambda done, count: heard.append((done, count)),
    )
    assert heard == [(5, 12), (10, 12), (12, 12)]
