"""How far a command is, on one line of the terminal."""

import sys
import time
from collections.abc import Callable


def progress(label: str) -> Callable[..., None]:
    """A callback that keeps one line of a terminal up to date with what is done and left."""
    started = time.monotonic()

    def show(done: int, count: int, note: str = "") -> None:
        left = (time.monotonic() - started) / max(done, 1) * (count - done)
        end = "\n" if done == count else ""
        sys.stderr.write(f"\r{label} {done}/{count}, {left / 60:.1f} min left {note}   {end}")
        sys.stderr.flush()

    return show
