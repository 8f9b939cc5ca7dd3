"""The pictures in `sample_images/`; `python -m deformviz.training.sample_images` redraws them."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2

from deformviz.training.backdrops import CITY, HILLS, MEADOW, SEA
from deformviz.training.scenes import CLASSES, Scene, SceneConfig, render, scene_generator

FOLDER = Path(__file__).parents[2] / "sample_images"
INDEX = "scenes.json"
SINGLES_FOLDER = "single"  # in it the pictures of one object, and their masks
MASKS_FOLDER = "masks"


@dataclass(frozen=True)
class Sample:
    """A picture worth showing: its file name (without ending), title, seed, size and config."""

    name: str
    title: str
    seed: int
    size_hw: tuple[int, int]
    config: SceneConfig

    def render(self) -> Scene:
        """The scene itself."""
        return render(scene_generator(self.seed, 0), self.size_hw, self.config)


def _clean(
    place: str, objects: tuple[int, int], classes: tuple[str, ...] = CLASSES, **changes: float
) -> SceneConfig:
    """A well-ordered scene under a good camera, by day and dry unless told otherwise."""
    quiet = {
        "arranged": 1.0,
        "cut": 0.0,
        "turn": 0.06,
        "dusk": 0.0,
        "night": 0.0,
        "rain": 0.0,
        "snow": 0.0,
        "clutter": 1.0,
        "noise": 0.0,
        "blur": 0.0,
        "max_gain": 0.0,
        "min_size": 0.09,
        "max_size": 0.5,
    }
    return SceneConfig(
        classes=classes,
        places=(place,),
        min_objects=objects[0],
        max_objects=objects[1],
        **(quiet | changes),
    )


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "harbour-wide",
        "A harbour in the morning, twice as wide as high",
        112,
        (512, 1024),
        _clean(
            SEA,
            (8, 9),
            ("boat", "boat", "bird", "fish", "umbrella", "person", "house", "tree"),
            max_size=0.42,
        ),
    ),
    Sample(
        "balloons-tall",
        "Balloons over the hills, upright",
        19,
        (864, 576),
        _clean(
            HILLS, (7, 8), ("balloon", "balloon", "bird", "tree", "house", "flower"), max_size=0.42
        ),
    ),
    Sample(
        "busy-street",
        "A crowded street: ten objects",
        29,
        (576, 768),
        _clean(
            CITY,
            (10, 10),
            ("car", "car", "person", "person", "cat", "bird", "tree", "ball", "house", "umbrella"),
            max_size=0.4,
        ),
    ),
    Sample(
        "tiny-and-huge",
        "Two tiny things beside a huge one",
        241,
        (576, 768),
        _clean(
            MEADOW, (2, 3), ("cat", "bird", "ball", "flower", "fish"), min_size=0.05, max_size=0.8
        ),
    ),
    Sample(
        "night-city",
        "The city at night",
        2,
        (576, 768),
        _clean(CITY, (6, 7), ("house", "car", "car", "cat", "bird", "tree", "person"), night=1.0),
    ),
    Sample(
        "snow-village",
        "A village in the snow",
        22,
        (576, 768),
        _clean(
            HILLS, (7, 8), ("house", "house", "tree", "tree", "person", "cat", "bird"), snow=1.0
        ),
    ),
    Sample(
        "rainy-day",
        "Umbrellas on a rainy day",
        23,
        (576, 768),
        _clean(CITY, (6, 8), ("umbrella", "umbrella", "person", "person", "car", "cat"), rain=1.0),
    ),
    Sample(
        "beach-dusk",
        "The beach at dusk",
        17,
        (576, 768),
        _clean(
            SEA, (6, 7), ("umbrella", "ball", "boat", "boat", "bird", "person", "tree"), dusk=1.0
        ),
    ),
    Sample(
        "garden",
        "In the garden",
        16,
        (576, 768),
        _clean(MEADOW, (7, 8), ("flower", "flower", "flower", "cat", "bird", "tree", "house")),
    ),
    Sample(
        "cat-and-ball",
        "A cat and its ball",
        17,
        (576, 768),
        _clean(MEADOW, (3, 4), ("cat", "ball", "bird"), max_size=0.6),
    ),
    Sample(
        "mountain-holiday",
        "A holiday in the mountains",
        22,
        (576, 768),
        _clean(HILLS, (6, 7), ("car", "car", "tree", "tree", "house", "balloon")),
    ),
    Sample(
        "dream",
        "A dream, where nothing is in its place",
        22,
        (576, 768),
        _clean(SEA, (8, 9), CLASSES, arranged=0.0, dusk=1.0, turn=0.2),
    ),
)


def _single(name: str, title: str, seed: int, size_hw: tuple[int, int], place: str) -> Sample:
    """A picture with nothing but one object, named like its class."""
    return Sample(
        f"single-{name}",
        title,
        seed,
        size_hw,
        _clean(place, (1, 1), (name,), min_size=0.34, max_size=0.55),
    )


SINGLES: tuple[Sample, ...] = (
    _single("balloon", "A balloon", 7, (384, 384), HILLS),
    _single("bird", "A bird", 5, (384, 384), HILLS),
    _single("boat", "A boat", 4, (384, 384), SEA),
    _single("flower", "A flower", 5, (384, 384), MEADOW),
    _single("cat", "A cat", 7, (384, 384), MEADOW),
    _single("house", "A house, wider than high", 3, (288, 384), HILLS),
    _single("person", "A person, upright", 13, (384, 256), CITY),
    _single("fish", "A fish", 3, (384, 384), SEA),
)


def write_single_images(folder: Path = FOLDER / SINGLES_FOLDER) -> list[Path]:
    """Draw the pictures of one object, and where that object is, white on black."""
    paths = _write(SINGLES, folder)
    (folder / MASKS_FOLDER).mkdir(exist_ok=True)
    for sample, path in zip(SINGLES, paths, strict=True):
        mask = sample.render().masks[0].astype("uint8") * 255
        cv2.imwrite(str(folder / MASKS_FOLDER / path.name), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return paths


def write_sample_images(folder: Path = FOLDER) -> list[Path]:
    """Draw every sample as PNG into `folder`, with an index of what is to be found on them."""
    return _write(SAMPLES, folder)


def _write(samples: tuple[Sample, ...], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths, index = [], []
    for sample in samples:
        scene = sample.render()
        path = folder / f"{sample.name}.png"
        cv2.imwrite(
            str(path),
            cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_PNG_COMPRESSION, 9],
        )
        paths.append(path)
        index.append(
            {
                "name": sample.name,
                "file": path.name,
                "title": sample.title,
                "seed": sample.seed,
                "size_hw": sample.size_hw,
                "labels": [CLASSES[label] for label in scene.labels],
                "boxes_cxcywh": [
                    [round(value, 5) for value in box] for box in scene.boxes_cxcywh.tolist()
                ],
            }
        )
    lines = ",\n".join(json.dumps(entry) for entry in index)
    (folder / INDEX).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the sample images anew.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    write_sample_images(folder)
    write_single_images(folder / SINGLES_FOLDER)
