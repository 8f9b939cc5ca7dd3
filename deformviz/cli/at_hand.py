"""Which app runs on this machine, and what it lists: a note and a folder in the user's cache."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from deformviz.checkpoints.fetch import cache_folder
from deformviz.cli.serving import HERE

PATIENCE_S = 2
VARIABLE = "DEFORMVIZ_RECORDINGS"  # files and folders of recordings the app lists


def shown_folder() -> Path:
    """Where recordings lie that somebody wanted to see."""
    return cache_folder() / "shown"


def has_desktop(environ: Mapping[str, str]) -> bool:
    """Whether a browser could open a window here."""
    screens = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & environ.keys()
    return "SSH_CONNECTION" not in environ and (bool(screens) or sys.platform == "darwin")


def _note() -> Path:
    return cache_folder() / "app.json"


@contextmanager
def noted(port: int) -> Iterator[None]:
    """Whoever shows a recording meanwhile finds the app at this port."""
    said = json.dumps({"port": port})
    with suppress(OSError):  # a home nobody may write to
        _note().parent.mkdir(parents=True, exist_ok=True)
        _note().write_text(said)
    try:
        yield
    finally:
        with suppress(OSError):
            if _note().read_text() == said:
                _note().unlink()


def running() -> int | None:
    """The port of the app on this machine, if one answers."""
    try:
        port = int(json.loads(_note().read_text())["port"])
        with urllib.request.urlopen(
            f"http://{HERE}:{port}/_stcore/health", timeout=PATIENCE_S
        ) as answer:
            return port if answer.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
