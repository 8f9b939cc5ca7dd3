"""What somebody else adds to the site: recordings, pictures and studies of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deformviz.publish.folder import PublishError
from deformviz.survey.files import ATLAS, SETTINGS, VERDICTS
from deformviz.tracing import recording_file
from deformviz.tracing.store import PICTURES, SHIPPED, StoredTrace, read_index

MODEL = "deformable-detr-scenes"  # looks at the pictures
RECORD = " Make one with `deformviz look MODEL PICTURE --to mine.deformviz`."
SURVEY = " Make one with `deformviz survey --model MODEL --images DIR --out DIR`, to its end."


@dataclass(frozen=True)
class Own:
    """Files that were found; none where none were named."""

    recordings: tuple[Path, ...] = ()
    pictures: tuple[Path, ...] = ()
    studies: tuple[Path, ...] = ()


def find(
    recordings: str | Path | None = None,
    pictures: str | Path | None = None,
    studies: str | Path | None = None,
) -> Own:
    """The files of the folders that are named.

    Raises PublishError where a named folder holds nothing of its kind.
    """
    return Own(
        _files(recordings, (recording_file.SUFFIX,), "recordings", RECORD) if recordings else (),
        _files(pictures, PICTURES, "pictures", "") if pictures else (),
        _studies(Path(studies)) if studies else (),
    )


def _files(folder: str | Path, endings: tuple[str, ...], what: str, cure: str) -> tuple[Path, ...]:
    there = sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []
    found = tuple(path for path in there if path.suffix.lower() in endings and path.is_file())
    if not found:
        kinds = ", ".join(f"*{ending}" for ending in endings)
        raise PublishError(f"{folder} holds no {what} ({kinds}).{cure}")
    return found


def _studies(folder: Path) -> tuple[Path, ...]:
    """Complete studies: the folder itself, or those in it."""
    there = [folder, *sorted(folder.iterdir())] if folder.is_dir() else []
    found = tuple(
        path
        for path in there
        if all((path / name).is_file() for name in (SETTINGS, ATLAS, VERDICTS))
    )
    if not found:
        raise PublishError(f"{folder} holds no complete studies ({SETTINGS}, {ATLAS}).{SURVEY}")
    return found


def look(files: tuple[Path, ...], to: Path) -> list[StoredTrace]:
    """What the shipped detector does with each picture, kept in the folder `to`.

    Raises PublishError for a picture that cannot be read, with the reason.
    """
    if not files:
        return []
    from deformviz.checkpoints.load import load
    from deformviz.tracing.pictures import PictureError
    from deformviz.tracing.store import write_picture

    model = load(MODEL)
    taken = {one.name for one in read_index(SHIPPED)}
    for order, path in enumerate(files):
        name = _name(path, taken)
        taken.add(name)
        try:
            write_picture(model, path, None, order, to / name)
        except PictureError as problem:
            raise PublishError(f"{path.name} cannot be published: {problem}") from None
    return read_index(to)


def _name(path: Path, taken: set[str]) -> str:
    """What an address calls a picture: letters and digits, as no other one is called."""
    plain = re.sub(r"[^\w.-]+", "-", path.stem).strip("-.") or "picture"
    return next(
        name
        for name in (plain, f"own-{plain}", *(f"{plain}-{n}" for n in range(2, len(taken) + 3)))
        if name not in taken
    )
