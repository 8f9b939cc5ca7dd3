"""Rendered scenes: what is annotated is what was drawn, and a seed is a promise."""

import random
from dataclasses import replace

import cv2
import numpy as np
import pytest

from deformviz.training.colours import Light
from deformviz.training.scenes import (
    CLASSES,
    DRAW,
    EVALUATION,
    TRAINING,
    SceneConfig,
    render,
    render_many,
    render_single,
    scene_generator,
)

SIZE_HW = (72, 104)


def bounds_xyxy(mask: np.ndarray) -> np.ndarray:
    """Pixel edges [xyxy] of what is True."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


def boxes_xyxy_px(scene) -> np.ndarray:
    height, width = scene.image.shape[:2]
    centre, size = scene.boxes_cxcywh[:, :2], scene.boxes_cxcywh[:, 2:]
    return np.concatenate([centre - size / 2, centre + size / 2], 1) * np.tile([width, height], 2)


def same(first, second) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("image", "boxes_cxcywh", "labels", "masks")
    )


def test_a_scene_has_the_documented_shapes_and_types():
    scene = render(np.random.default_rng(3), SIZE_HW)
    count = len(scene.labels)
    assert scene.image.shape == (*SIZE_HW, 3) and scene.image.dtype == np.uint8
    assert scene.boxes_cxcywh.shape == (count, 4) and scene.boxes_cxcywh.dtype == np.float32
    assert scene.masks.shape == (count, *SIZE_HW) and scene.masks.dtype == bool
    assert scene.labels.dtype == np.int64 and len(CLASSES) >= 10


def test_a_seed_always_gives_the_same_scene_and_another_seed_another_one():
    scenes = [render(np.random.default_rng(seed), SIZE_HW) for seed in (5, 5, 6)]
    assert same(scenes[0], scenes[1])
    assert not np.array_equal(scenes[0].image, scenes[2].image)


def test_scene_i_depends_on_seed_and_i_alone():
    few, many = list(render_many(11, 3, SIZE_HW)), list(render_many(11, 5, SIZE_HW))
    assert all(same(a, b) for a, b in zip(few, many, strict=False))
    assert same(many[4], render(scene_generator(11, 4), SIZE_HW))
    assert not np.array_equal(many[0].image, many[1].image)
    assert not same(many[1], render(scene_generator(12, 1), SIZE_HW))


def test_global_random_states_are_left_alone():
    numpy_state, python_state = np.random.get_state(), random.getstate()
    render(np.random.default_rng(1), SIZE_HW, TRAINING)
    assert np.array_equal(numpy_state[1], np.random.get_state()[1])
    assert numpy_state[2] == np.random.get_state()[2] and python_state == random.getstate()


@pytest.mark.parametrize("index", range(12))
def test_the_box_of_an_uncovered_object_bounds_its_mask_to_a_fifth_of_a_pixel(index):
    small, large = (
        render_single(scene_generator(3, index), size_hw) for size_hw in ((96, 144), (768, 1152))
    )
    assert np.allclose(small.boxes_cxcywh, large.boxes_cxcywh, atol=1e-6)
    error_px = np.abs(bounds_xyxy(large.masks[0]) - boxes_xyxy_px(large)[0]) * 96 / 768
    assert error_px.max() < 0.2


def test_what_is_visible_lies_in_its_box_and_masks_do_not_overlap():
    for scene in render_many(4, 12, SIZE_HW):
        for mask, box in zip(scene.masks, boxes_xyxy_px(scene), strict=True):
            seen = bounds_xyxy(mask)
            assert (seen[:2] >= box[:2] - 1.1).all() and (seen[2:] <= box[2:] + 1.1).all()
            assert mask.sum() >= 0.18 * np.prod(box[2:] - box[:2]) - 1
        assert scene.masks.sum(0).max() <= 1


def test_boxes_end_where_the_picture_ends():
    config = replace(EVALUATION, cut=1.0, arranged=0.0, min_size=0.4, max_size=0.6)
    boxes = np.concatenate([boxes_xyxy_px(scene) for scene in render_many(8, 30, SIZE_HW, config)])
    height, width = SIZE_HW
    assert boxes.min() > -1e-3
    assert boxes[:, 2].max() < width + 1e-3 and boxes[:, 3].max() < height + 1e-3
    assert (np.abs(boxes / [width, height, width, height] - [0, 0, 1, 1]) < 1e-5).any(1).sum() > 5


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_is_drawn_outside_the_silhouette(name):
    for seed in range(6):
        placed = DRAW[name](np.random.default_rng(seed)).place(turn=0.1, flip=seed % 2 == 0)
        scale_px = 90 / max(placed.size_xy)
        for ground in (0, 255):
            canvas = np.full((200, 200, 3), ground, np.uint8)
            numbers = np.zeros((200, 200), np.uint8)
            placed.paint(canvas, numbers, 1, (5.0, 5.0), scale_px, Light())
            strong = (np.abs(canvas.astype(int) - ground) > 100).any(-1)
            assert not (strong & (cv2.dilate(numbers, np.ones((3, 3))) == 0)).any()


def test_every_class_is_seen():
    labels = np.concatenate([scene.labels for scene in render_many(2, 80, SIZE_HW)])
    counts = np.bincount(labels, minlength=len(CLASSES))
    assert counts.min() >= 0.4 * counts.mean()


def test_sizes_and_numbers_of_objects_keep_their_limits():
    config = replace(EVALUATION, cut=0.0, min_objects=2, max_objects=6)
    sizes = []
    for scene in render_many(9, 60, SIZE_HW, config):
        box = boxes_xyxy_px(scene)
        sizes += (np.sqrt(np.prod(box[:, 2:] - box[:, :2], 1)) / min(SIZE_HW)).tolist()
        assert 1 <= len(scene.labels) <= 6
    assert 0.0699 < min(sizes) < 0.09 and 0.55 < max(sizes) < 0.7001


def test_a_single_scene_holds_one_object_of_a_size_to_classify():
    for index in range(12):
        scene = render_single(scene_generator(1, index), (80, 64))
        size = np.sqrt(np.prod(scene.boxes_cxcywh[:, 2:] * [64, 80], 1)) / 64
        assert len(scene.labels) == 1 and 0.3 < size[0] < 0.7501


@pytest.mark.parametrize("size_hw", [(40, 160), (150, 50), (17, 23)])
def test_any_aspect_ratio_can_be_rendered(size_hw):
    for scene in render_many(6, 5, size_hw, TRAINING):
        assert scene.image.shape[:2] == size_hw and len(scene.labels) >= 1


def test_weather_night_noise_and_places_change_the_picture():
    plain = replace(
        EVALUATION, night=0.0, dusk=0.0, rain=0.0, snow=0.0, noise=0.0, blur=0.0, places=("meadow",)
    )
    base = render(np.random.default_rng(2), SIZE_HW, plain).image.astype(int)
    for change in (
        {"night": 1.0},
        {"dusk": 1.0},
        {"rain": 1.0},
        {"snow": 1.0},
        {"noise": 1.0},
        {"blur": 1.0},
        {"places": ("sea",)},
        {"places": ("city",)},
    ):
        other = render(np.random.default_rng(2), SIZE_HW, replace(plain, **change)).image
        assert np.abs(other - base).mean() > 0.2, change
    night = render(np.random.default_rng(2), SIZE_HW, replace(plain, night=1.0)).image
    assert night.mean() < 0.75 * base.mean()


def test_the_evaluation_scenes_have_not_changed():
    """Published figures refer to these scenes; a change here makes them worthless."""
    assert (EVALUATION.min_size, EVALUATION.max_size, EVALUATION.max_objects) == (0.07, 0.70, 10)
    scenes = list(render_many(0, 4, (96, 128)))
    assert [scene.labels.tolist() for scene in scenes] == PINNED_LABELS
    for scene, box, colour in zip(scenes, PINNED_FIRST_BOXES, PINNED_MEAN_COLOURS, strict=True):
        assert np.allclose(scene.boxes_cxcywh[0], box, atol=1e-4)
        assert np.allclose(scene.image.mean((0, 1)), colour, atol=0.5)


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"classes": ("unicorn",)}, "classes"),
        ({"places": ()}, "places"),
        ({"min_size": 0.8, "max_size": 0.2}, "min_size"),
        ({"min_objects": 0}, "min_objects"),
    ],
)
def test_an_impossible_config_is_refused_by_name(wrong, word):
    with pytest.raises(ValueError, match=word):
        SceneConfig(**wrong)


def test_a_picture_too_small_to_draw_on_is_refused():
    with pytest.raises(ValueError, match="at least 16 pixels"):
        render(np.random.default_rng(0), (8, 64))


PINNED_LABELS = [[9, 3, 6, 1, 6, 11], [2, 2, 1, 3, 6, 7, 9, 11], [0], [10, 1, 6, 0]]
PINNED_FIRST_BOXES = [
    [0.39743, 0.48261, 0.51541, 0.51896],
    [0.6133, 0.59225, 0.76439, 0.47263],
    [0.42572, 0.43294, 0.22469, 0.31825],
    [0.24344, 0.18856, 0.1316, 0.26724],
]
PINNED_MEAN_COLOURS = [
    [188.29, 151.28, 164.12],
    [136.42, 142.71, 155.59],
    [119.52, 161.21, 164.7],
    [161.45, 159.15, 162.89],
]


def test_a_single_object_is_as_large_as_asked():
    for index in range(4):
        scene = render_single(scene_generator(2, index), (80, 96), sizes=(0.1, 0.2))
        width, height = scene.boxes_cxcywh[0, 2:] * [96, 80]
        assert len(scene.labels) == 1 and 0.08 <= (width * height) ** 0.5 / 80 <= 0.22
