"""What can be chosen in a folder of checkpoints; nothing outside of it, links included."""

from dataclasses import dataclass
from pathlib import Path

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.folders import ENDINGS, INDEX_FILES, MOST_LISTED, WHOLE_FILES, inside


@dataclass(frozen=True)
class Listed:
    """A file or folder of weights that lies in the chosen folder itself."""

    name: str
    path: Path
    stamp: int  # changes when the file does


def list_checkpoints(folder: str | Path) -> tuple[Listed, ...]:
    """Files of weights and folders as `save_pretrained` writes them, by name.

    Links that lead out of the folder or nowhere are left out, and so is what vanishes meanwhile.

    Raises:
        CheckpointError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"There is no folder {folder}.")
    found = []
    for path in sorted(folder.iterdir())[:MOST_LISTED]:
        try:
            weights = _weights_in(path)
            if weights is None or not _lies_inside(folder, path.name):
                continue
            found.append(Listed(path.name, path, weights.stat().st_mtime_ns))
        except OSError:  # gone, or not ours to read
            continue
    return tuple(found)


def _weights_in(path: Path) -> Path | None:
    """The file whose change means other weights; None where there are none."""
    if path.is_file() and path.suffix in ENDINGS:
        return path
    if path.is_dir():
        names = (path / name for name in (*WHOLE_FILES, *INDEX_FILES))
        return next((name for name in names if name.is_file()), None)
    return None


def _lies_inside(folder: Path, name: str) -> bool:
    try:
        inside(folder, name)
    except CheckpointError:
        return False
    return True
