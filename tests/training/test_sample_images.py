"""The pictures in `sample_images/` are those the code draws."""

import json

import cv2
import numpy as np

from deformviz.training.sample_images import (
    FOLDER,
    INDEX,
    MASKS_FOLDER,
    SAMPLES,
    SINGLES,
    SINGLES_FOLDER,
    write_sample_images,
)
from deformviz.training.scenes import CLASSES


def sizes(entry) -> np.ndarray:
    """Square roots of box areas as shares of the shorter side."""
    height, width = entry["size_hw"]
    boxes = np.array(entry["boxes_cxcywh"]) * [width, height, width, height]
    return np.sqrt(boxes[:, 2] * boxes[:, 3]) / min(height, width)


def test_the_index_tells_what_the_committed_pictures_show():
    entries = json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == [sample.name for sample in SAMPLES]
    for entry, sample in zip(entries, SAMPLES, strict=True):
        picture = cv2.cvtColor(cv2.imread(str(FOLDER / entry["file"])), cv2.COLOR_BGR2RGB)
        scene = sample.render()
        assert picture.shape[:2] == tuple(entry["size_hw"]) == sample.size_hw
        assert np.abs(picture.astype(int) - scene.image).mean() < 0.5
        assert [CLASSES[label] for label in scene.labels] == entry["labels"]
        assert np.allclose(scene.boxes_cxcywh, entry["boxes_cxcywh"], atol=1e-4)
        assert (entry["seed"], entry["title"]) == (sample.seed, sample.title)


def test_the_gallery_has_a_tall_a_wide_a_crowded_and_an_uneven_picture():
    entries = {entry["name"]: entry for entry in json.loads((FOLDER / INDEX).read_text())}
    assert len(entries) == 12
    ratios = [entry["size_hw"][1] / entry["size_hw"][0] for entry in entries.values()]
    assert min(ratios) < 0.7 and max(ratios) >= 2
    assert len(entries["busy-street"]["labels"]) == 10
    uneven = sizes(entries["tiny-and-huge"])
    assert uneven.min() < 0.09 and uneven.max() > 0.6
    assert {label for entry in entries.values() for label in entry["labels"]} == {*CLASSES}


def test_the_readme_names_every_picture_with_its_seed():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for sample in SAMPLES:
        height, width = sample.size_hw
        row = next(line for line in readme.splitlines() if f"`{sample.name}.png`" in line)
        assert f"| {sample.seed} | {width} x {height} |" in row


def test_all_files_together_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000


def test_pictures_can_be_drawn_anew_elsewhere(tmp_path):
    paths = write_sample_images(tmp_path / "new")
    assert len(paths) == 12 and all(path.stat().st_size > 10_000 for path in paths)


def test_pictures_of_one_object_and_their_masks_are_those_the_code_draws():
    folder = FOLDER / SINGLES_FOLDER
    entries = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == [sample.name for sample in SINGLES]
    for entry, sample in zip(entries, SINGLES, strict=True):
        scene = sample.render()
        picture = cv2.cvtColor(cv2.imread(str(folder / entry["file"])), cv2.COLOR_BGR2RGB)
        mask = cv2.imread(str(folder / MASKS_FOLDER / entry["file"]), cv2.IMREAD_GRAYSCALE)
        assert np.abs(picture.astype(int) - scene.image).mean() < 0.5
        assert len(scene.labels) == 1
        assert entry["name"] == f"single-{CLASSES[scene.labels[0]]}"
        assert ((mask > 127) == scene.masks[0]).all()
