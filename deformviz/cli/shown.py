"""A recording in the app: found where it runs on this machine, else started for as long as needed.

The app lists the folder of shown recordings where only this machine can reach it.
"""

import atexit
import os
import re
import sys
import webbrowser
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deformviz.cli.at_hand import VARIABLE, has_desktop, noted, running, shown_folder
from deformviz.cli.serving import HERE, answers, choose_port, served
from deformviz.figures import showing
from deformviz.tracing.recording import Recording

KEPT = 8  # shown recordings that stay; the oldest make room


def show(
    recording: Recording, *, app: bool = True, view: Mapping[str, Any] | None = None, **options: Any
) -> Any:
    """In a notebook what displays the recording; else its address in the app, opened in a browser.

    An app that runs on this machine is used. Where none does, one is started: it ends with the
    Python session, and in a script `show` returns when Ctrl-C ended it. Without a desktop, and with
    options of a page, a page of its own is opened instead; then its path is returned.

    Args:
        app: False always makes a page of its own.
        view: what to show at first, under the names of a link's address.
        options: of that page; see `to_html`.
    """
    if showing.in_notebook() or options or not app or not has_desktop(os.environ):
        return showing.show(recording, view=view, **options)
    name = keep(recording).stem
    port = running()
    if port is not None:
        return _open(port, name, view)
    port = choose_port(None)
    with ExitStack() as stack:
        server = stack.enter_context(served(port, HERE, {VARIABLE: str(shown_folder())}))
        if not answers(server, port):
            return showing.show(recording, view=view)
        stack.enter_context(noted(port))
        address = _open(port, name, view)
        if hasattr(sys, "ps1"):  # somebody goes on typing
            atexit.register(stack.pop_all().close)
            return address
        with suppress(KeyboardInterrupt):
            server.wait()
    return address


def _open(port: int, name: str, view: Mapping[str, Any] | None) -> str:
    asked = urlencode({"recording": name, **(view or {})})
    address = f"http://{HERE}:{port}/recordings?{asked}"
    webbrowser.open(address)
    return address


def keep(recording: Recording) -> Path:
    """The recording as a file the app lists, under a name of its own."""
    folder = shown_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    title = recording.images[0].title if recording.images else ""
    plain = re.sub(r"[^\w-]+", "-", f"{recording.model} {Path(title).stem}").strip("-")[:60]
    taken = {path.stem for path in folder.glob("*.deformviz")}
    number = next(n for n in range(1, len(taken) + 2) if f"{plain}-{n}" not in taken)
    path = recording.save(folder / f"{plain}-{number}.deformviz")
    files = sorted(folder.glob("*.deformviz"), key=lambda file: file.stat().st_mtime_ns)
    for old in files[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
