"""Pictures on their way into a model, and detections on their way out."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deformviz.axes import ShapeError
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess, resized_size
from deformviz.schema import DetectorOutput

COCO = SimpleNamespace(
    image_mean=(0.485, 0.456, 0.406),
    image_std=(0.229, 0.224, 0.225),
    short_side=800,
    long_side=1333,
)
SCENES = SimpleNamespace(
    image_mean=(0.5,) * 3, image_std=(0.5,) * 3, short_side=None, long_side=256
)


@pytest.mark.parametrize(
    ("size_hw", "facts", "resized_hw"),
    [
        ((480, 640), COCO, (800, 1066)),
        ((640, 480), COCO, (1066, 800)),
        ((333, 500), COCO, (800, 1201)),
        ((500, 1200), COCO, (555, 1332)),  # the long side decides; 555 * 2.4 = 1332
        ((800, 900), COCO, (800, 900)),
        ((192, 192), SCENES, (256, 256)),
        ((300, 1000), SCENES, (77, 256)),
        ((1000, 1), SCENES, (256, 1)),
    ],
)
def test_sizes_follow_the_published_rule(size_hw, facts, resized_hw):
    assert resized_size(size_hw, facts) == resized_hw


def test_a_picture_is_normalised_and_its_sizes_are_kept():
    image = np.zeros((30, 50, 3), np.uint8)
    image[..., 0] = 255
    pixels, frame = preprocess(image, SCENES)
    assert pixels.shape == (3, 154, 256) and pixels.dtype == torch.float32
    assert frame.original_hw == (30, 50) and frame.resized_hw == (154, 256)
    assert pixels[0].eq(1).all() and pixels[1].eq(-1).all()


def test_resizing_down_averages_instead_of_skipping():
    stripes = np.zeros((64, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels, _ = preprocess(stripes, SCENES)
    assert float(pixels.abs().max()) < 0.3


def test_a_picture_of_the_right_size_keeps_its_pixels():
    image = np.random.default_rng(0).integers(0, 256, (40, 256, 3), dtype=np.uint8)
    pixels, _ = preprocess(image, SCENES)
    back = ((pixels.movedim(0, -1) * 0.5 + 0.5) * 255).round().to(torch.uint8)
    assert np.array_equal(back.numpy(), image)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 3), np.float32)],
)
def test_what_is_no_rgb_picture_is_refused(image):
    with pytest.raises(ShapeError, match="uint8"):
        preprocess(image, COCO)


def test_one_query_may_be_found_twice_and_boxes_are_in_original_pixels():
    logits = torch.tensor([[3.0, 2.0], [-4.0, -5.0]])
    boxes = torch.tensor([[0.5, 0.5, 0.5, 1.0], [0.1, 0.1, 0.2, 0.2]])
    found = postprocess(DetectorOutput(logits, boxes), (20, 40), top=3, class_names=("a", "b"))
    assert found.queries.tolist() == [0, 0, 1] and found.labels.tolist() == [0, 1, 0]
    assert found.boxes_xyxy_px[0].tolist() == [10.0, 0.0, 30.0, 20.0]
    assert found.name(1) == "b"
    assert len(postprocess(DetectorOutput(logits, boxes), (20, 40))) == 4


def test_every_pair_names_its_own_query_and_class():
    """Five queries and three classes, each pair with a score of its own."""
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(5, 3, generator=generator)
    boxes = torch.rand(5, 4, generator=generator)
    found = postprocess(DetectorOutput(logits, boxes), (20, 40))
    assert len(found) == 15
    for at in range(15):
        query, label = int(found.queries[at]), int(found.labels[at])
        assert found.scores[at] == logits[query, label].sigmoid()
        (cx, cy, w, h), box = boxes[query].tolist(), found.boxes_xyxy_px[at].tolist()
        by_hand = [40 * (cx - w / 2), 20 * (cy - h / 2), 40 * (cx + w / 2), 20 * (cy + h / 2)]
        assert box == pytest.approx(by_hand, abs=1e-4)


def test_a_batch_is_not_post_processed_by_mistake():
    with pytest.raises(ValueError, match=r"output\.image"):
        postprocess(DetectorOutput(torch.zeros(1, 2, 3), torch.zeros(1, 2, 4)), (20, 40))


def test_every_channel_is_normalised_by_its_own_mean_and_spread():
    picture = np.tile(np.array([10, 100, 200], np.uint8), (3, 5, 1))
    facts = SimpleNamespace(**{**vars(COCO), "short_side": 3})
    pixels, _ = preprocess(picture, facts)
    by_hand = [
        (value / 255 - mean) / std
        for value, mean, std in zip((10, 100, 200), COCO.image_mean, COCO.image_std, strict=True)
    ]
    assert pixels.shape == (3, 3, 5)
    torch.testing.assert_close(pixels[:, 1, 2], torch.tensor(by_hand))


def test_no_object_takes_its_share_and_is_never_the_answer():
    logits = torch.tensor([[1.0, 2.0, 9.0], [4.0, 0.0, -1.0], [0.0, 3.0, 3.0]])
    output = DetectorOutput(logits, torch.rand(3, 4))
    found = postprocess(output, (20, 40), top=2, no_object=True)
    assert found.queries.tolist() == [1, 2] and found.labels.tolist() == [0, 1]
    chances = logits.exp() / logits.exp().sum(1, keepdim=True)
    torch.testing.assert_close(found.scores, torch.stack([chances[1, 0], chances[2, 1]]))
    assert len(postprocess(output, (20, 40), no_object=True)) == 3
