"""The page of somebody's own recordings: what a model of theirs did, with its proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from deformviz.figures.recordings import (
    drawable_layers,
    kind_of,
    pack,
    picture_of,
    proof_in_words,
)
from deformviz.publish.edition import Edition, Page
from deformviz.publish.folder import PublishError
from deformviz.publish.markup import plain
from deformviz.publish.stored import gallery, picture, picture_data
from deformviz.tracing import recording_file
from deformviz.tracing.packing import PackedLayerError
from deformviz.tracing.recording import RecordError, Recording
from deformviz.tracing.store import picture_jpeg
from deformviz.words import say

NAME = "recordings"


def pages(edition: Edition, files: Sequence[Path]) -> Iterable[Page]:
    """One page of all."""
    shown = [_shown(edition, path) for path in files]
    what = say("page.recordings.what")
    yield Page(
        NAME,
        f"{say('page.recordings.title')} · deformviz",
        plain(what),
        f"<p>{escape(what)}</p>{gallery(shown, f'{NAME}.html')}",
        picture_data(edition, shown, shown[0]["name"]),
        say("page.recordings.title"),
    )


def _shown(edition: Edition, path: Path) -> dict[str, Any]:
    """A recording's first picture with every layer that can be drawn."""
    try:
        recording = recording_file.open(path)
        packed = _packed(recording)
    except (RecordError, recording_file.RecordingError) as problem:
        raise PublishError(f"{path.name} cannot be published: {problem}") from None
    known = recording.images[0]
    made = picture(
        edition,
        name=path.stem,
        title=known.title or path.stem,
        canvas=kind_of(recording[next(iter(packed))]),
        jpeg=picture_jpeg(picture_of(recording, 0)),
        hw=known.frame.original_hw,
        packed=packed,
    )
    for layer in made["layers"]:
        layer["note"] = proof_in_words(recording, layer["name"])
    return made


def _packed(recording: Recording) -> dict[str, bytes]:
    """Raises RecordError where no layer can be drawn."""
    packed, problems = {}, []
    for layer in drawable_layers(recording):
        try:
            packed[layer] = pack(recording, layer)
        except PackedLayerError as problem:
            problems.append(str(problem))
    if not packed:
        raise RecordError(" ".join(problems))
    return packed
