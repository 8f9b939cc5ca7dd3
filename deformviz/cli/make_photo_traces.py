"""`deformviz make-photo-traces`: what real detectors do with the gallery's photographs."""

import argparse
import importlib.util
import json
import shutil
from pathlib import Path

from deformviz.cli.get import progress
from deformviz.tracing.store import PHOTO_LIST, SHIPPED_PHOTOS

HELP = "fill the gallery with a real detector's gaze; needs a network, once"
RUNS_MODELS = True
MODELS = ("hf:SenseTime/deformable-detr", "hf:PekingU/rtdetr_r50vd")
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "camera.png")
MOST_BYTES = 5_000_000
HONESTY = "trained on COCO's photographs by its authors"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", action="append", help=f"default: {' and '.join(MODELS)}")
    parser.add_argument("--to", type=Path, default=SHIPPED_PHOTOS)
    parser.add_argument("--picture", help="COCO's val2017/000000039769.jpg; default: download it")


def act(options: argparse.Namespace) -> int:
    """Download, verify published numbers, look at the photographs, store at most 5 MB."""
    names = tuple(options.model or MODELS)
    pictures = photographs()
    part = options.to.with_name(options.to.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        listed = {}
        for name in names:
            inside = name.removeprefix("hf:").replace("/", "--")
            _look(name, pictures, part / inside, MOST_BYTES // len(names), options.picture)
            listed[name] = inside
        (part / PHOTO_LIST).write_text(json.dumps(listed, indent=1))
        shutil.rmtree(options.to, ignore_errors=True)
        part.rename(options.to)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(path.stat().st_size for path in options.to.rglob("*") if path.is_file())
    print(f"{options.to}: {len(pictures)} photographs, {len(names)} models, {size / 1e6:.2f} MB.")
    return 0


def photographs() -> list[Path]:
    """The photographs of the gallery, out of scikit-image's own package."""
    package = importlib.util.find_spec("skimage")
    places = package.submodule_search_locations if package is not None else None
    folder = Path(next(iter(places or []), "")) / "data"
    found = [folder / name for name in PHOTOGRAPHS if (folder / name).is_file()]
    if not found:
        raise ValueError("scikit-image, which carries the gallery's photographs, is not installed.")
    return found


def _look(name: str, pictures: list[Path], to: Path, most_bytes: int, picture: str | None) -> None:
    """Store what one model does, its last layers first, as many as there is room for.

    Raises:
        ValueError: its answer is not what was published of it, or not even one layer has room.
    """
    from deformviz.checkpoints.downloads import DOWNLOADS, PICTURE
    from deformviz.checkpoints.fetch import fetch, fetch_file
    from deformviz.checkpoints.golden import compare
    from deformviz.checkpoints.load import load
    from deformviz.tracing.store import write_picture

    fetch(name, progress())
    model = load(name)
    listed = DOWNLOADS.get(name)
    if listed is not None and listed.golden is not None:
        verdict = compare(model, picture or fetch_file(PICTURE, progress()), listed.golden)
        print(f"{name} {verdict}.")
        if not verdict.agrees:
            raise ValueError(f"{name} is not what was published of it; nothing was stored.")
    for count in (3, 2, 1):
        shutil.rmtree(to, ignore_errors=True)
        for order, path in enumerate(pictures):
            write_picture(
                model,
                path,
                path.stem.capitalize(),
                order,
                to / path.stem,
                honesty=HONESTY,
                wanted=lambda layers, count=count: last_decoders(layers, count),
            )
        if sum(file.stat().st_size for file in to.rglob("*") if file.is_file()) <= most_bytes:
            return
    raise ValueError(f"One layer of {name} on {len(pictures)} photographs is beyond {MOST_BYTES}.")


def last_decoders(layers: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The last layers in which objects look at the picture, in their order."""
    decoders = [name for name in layers if "decoder" in name and not name.endswith(".self")]
    return tuple(decoders[-count:] or layers[-count:])
