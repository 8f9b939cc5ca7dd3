"""A recording somebody made elsewhere: its layers laid out as a run's are."""

from __future__ import annotations

from pathlib import Path

from app.tasks.pictures import ComputedRun, lay_out
from app.worker import Task
from deformviz.schema import SHOWN_SCORE


def opened(task: Task, key: str, path: str, title: str) -> ComputedRun:
    """The first picture of a recording with every layer that can be drawn.

    Raises:
        ValueError: no recording, damaged, or nothing in it can be drawn; one sentence.
    """
    from deformviz.figures.recordings import drawable_layers, pack, picture_of, proof_in_words
    from deformviz.tracing.packing import PackedLayerError
    from deformviz.tracing.recording_file import open as open_recording

    task.report("reading the recording")
    recording = open_recording(Path(path))
    packed, problems = {}, []
    names = drawable_layers(recording)
    for number, name in enumerate(names):
        task.report("packing", number, len(names))
        try:
            packed[name] = pack(recording, name)
        except PackedLayerError as problem:
            problems.append(str(problem))
    if not packed:
        raise ValueError(" ".join(problems))
    known = recording.images[0]
    found = known.detections
    shown = (
        ()
        if found is None
        else tuple(
            {"class_name": found.name(i), "score": float(found.scores[i])}
            for i in range(len(found))
            if float(found.scores[i]) >= SHOWN_SCORE
        )
    )
    return lay_out(
        task.folder,
        packed,
        picture_of(recording, 0),
        {},
        key=key,
        title=known.title or title,
        original_hw=known.frame.original_hw,
        model=recording.model,
        honesty=recording.honesty,
        detections=shown,
        backend="; ".join(f"{name}: {proof_in_words(recording, name)}" for name in packed),
    )
