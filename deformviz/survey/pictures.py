"""Which pictures a study looks at, and what is known to be in them.

A folder, a list of files, a COCO annotation file, or rendered scenes: each becomes the same
sequence of `Picture` records in a fixed order. No picture is held: `read` opens one when it is
its turn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
SCENES = "scenes:"  # "scenes:2000", or "scenes:2000:7" with a seed of one's own
SCENES_SEED = 30_000  # neither training's pictures nor those that AP is measured on
SCENE_SIDES = ((192, 256), (256, 192), (224, 224), (160, 256))  # (height, width) in turn
LONGEST_LIST_BYTES = 256 * 2**20


class SurveyError(ValueError):
    """A study cannot be made or read; one sentence with the cure."""


@dataclass(frozen=True, eq=False)
class Objects:
    """What is known to be in a picture, from its annotations."""

    boxes_xyxy_px: np.ndarray  # [object xyxy], pixels of the original picture
    names: tuple[str, ...]  # the class of every object in words


@dataclass(frozen=True)
class Picture:
    """One picture of a study, by name; `objects` is None where nothing is annotated."""

    name: str
    path: str  # a file, or "scenes:SEED:INDEX"
    objects: Objects | None = field(default=None, compare=False)

    def read(self) -> tuple[Any, Objects | None]:
        """The picture as `dv.run` takes it, and what is known of it."""
        if not self.path.startswith(SCENES):
            return self.path, self.objects
        _, seed, index = self.path.split(":")
        return _rendered(int(seed), int(index))


def list_pictures(images: Any, *, root: str | Path | None = None) -> list[Picture]:
    """The pictures behind what somebody named, in an order that is the same everywhere.

    Args:
        images: a folder (searched through), a text file of paths, a COCO `.json`, "scenes:N", or
            a sequence of paths.
        root: where the pictures of a COCO file or list lie, if not beside it.

    Raises:
        SurveyError: nothing there, or not readable as what it seems to be.
    """
    if isinstance(images, str) and images.startswith(SCENES):
        return _scenes(images)
    if isinstance(images, (list, tuple)):
        return [Picture(Path(path).name, str(path)) for path in images]
    place = Path(images)
    if place.is_dir():
        found = _in_folder(place)
    elif not place.is_file():
        raise SurveyError(f"{place} is neither a folder nor a file; name the pictures' folder.")
    elif place.stat().st_size > LONGEST_LIST_BYTES:
        raise SurveyError(
            f"{place.name} has {place.stat().st_size / 2**20:.0f} MiB, allowed are 256."
        )
    elif place.suffix.lower() == ".json":
        found = _in_coco(place, Path(root) if root else None)
    else:
        found = _in_list(place, Path(root) if root else place.parent)
    if not found:
        raise SurveyError(
            f"{place} names no picture; looked for {', '.join(sorted(ENDINGS))}. "
            "Name a folder that holds some."
        )
    return found


def _in_folder(folder: Path) -> list[Picture]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    return [Picture(path.relative_to(folder).as_posix(), str(path)) for path in paths]


def _in_list(file: Path, root: Path) -> list[Picture]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise SurveyError(
            f"{file.name} is no list of pictures: it is not text. Write one path per line."
        ) from None
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [Picture(name, str(root / name)) for name in names]


# -- COCO ------------------------------------------------------------------------------------------


def _in_coco(file: Path, root: Path | None) -> list[Picture]:
    """Pictures and boxes of a COCO annotation file; crowds are left out, and what is said of
    pictures that it does not list. Without annotations nothing is known of any picture."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        images = {int(row["id"]): str(row["file_name"]) for row in data["images"]}
        names = {int(row["id"]): str(row["name"]) for row in data.get("categories", [])}
        rows = [row for row in data.get("annotations", []) if not row.get("iscrowd")]
        boxes: dict[int, list] = {number: [] for number in images}
        for row in rows:
            x, y, width, height = (float(side) for side in row["bbox"])
            kind = names.get(int(row["category_id"]), f"category {row['category_id']}")
            if (of := int(row["image_id"])) in boxes:
                boxes[of].append(([x, y, x + width, y + height], kind))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SurveyError(
            f"{file.name} is no COCO annotation file: {type(problem).__name__} {problem}. It needs "
            "images (id, file_name), annotations (image_id, category_id, bbox) and categories."
        ) from None
    folder = root or _folder_of(file, images.values())
    annotated = "annotations" in data
    return [
        Picture(name, str(folder / name), _objects(boxes[number]) if annotated else None)
        for number, name in sorted(images.items(), key=lambda item: item[1])
    ]


def _folder_of(file: Path, names) -> Path:
    """Where a COCO file's pictures lie: beside it, or in the usual neighbours."""
    first = next(iter(sorted(names)), "")
    beside = [file.parent, file.parent / "images", file.parent.parent / file.stem.split("_")[-1]]
    for folder in beside:
        if (folder / first).is_file():
            return folder
    raise SurveyError(
        f"The pictures of {file.name} are not beside it ({first} is not in {file.parent}); "
        "say where they are with --root."
    )


def _objects(rows: Sequence) -> Objects:
    boxes = np.array([box for box, _ in rows], np.float64).reshape(-1, 4)
    return Objects(boxes, tuple(name for _, name in rows))


# -- rendered scenes -------------------------------------------------------------------------------


def _scenes(words: str) -> list[Picture]:
    parts = words.split(":")[1:]
    if not 1 <= len(parts) <= 2 or not all(part.isdigit() for part in parts):
        raise SurveyError(f"{words!r} is no set of scenes; write scenes:2000 or scenes:2000:SEED.")
    seed = int(parts[1]) if len(parts) == 2 else SCENES_SEED
    return [
        Picture(f"scene-{seed}-{index:06d}", f"{SCENES}{seed}:{index}")
        for index in range(int(parts[0]))
    ]


def _rendered(seed: int, index: int) -> tuple[np.ndarray, Objects]:
    from deformviz.geometry import cxcywh_to_xyxy, scale_boxes
    from deformviz.training.scenes import CLASSES, EVALUATION, render, scene_generator

    size_hw = SCENE_SIDES[index % len(SCENE_SIDES)]
    scene = render(scene_generator(seed, index), size_hw, EVALUATION)
    boxes = np.asarray(
        scale_boxes(cxcywh_to_xyxy(np.asarray(scene.boxes_cxcywh, np.float64)), size_hw)
    )
    return scene.image, Objects(boxes, tuple(CLASSES[int(label)] for label in scene.labels))
