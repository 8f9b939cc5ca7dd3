"""`dv.survey(model, images)`: many pictures in one call of Python."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from deformviz.survey.finish import keep_results
from deformviz.survey.make import OnProgress, make, plan
from deformviz.survey.study import Study


def survey(
    model: Any,
    images: Any,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    on_progress: OnProgress | None = None,
    **asked: Any,
) -> Study:
    """Measure a model over many pictures.

    Args:
        model: from `dv.load`; a name, path, "hf:name" or "module:factory"; or a function from a
            picture to a Trace.
        images: a folder, a list or COCO file, "scenes:N", or a sequence of paths.
        out: folder of the study, where it goes on if it was begun; None: a new temporary one.
        workers: processes, for a model that is named.
        asked: `queries`, `layers`, `limit`, `seed`, `least_score` and `root` as in `plan`.

    Returns:
        The Study: `.layers()`, `.detections()` and `.pictures()` are Arrow tables, with
        `.to_pandas()`; `.sums` the head atlas; `.connect()` answers SQL; `.verdicts()` says what
        stands out.

    Raises:
        SurveyError: no pictures, another study in `out`, a full disk.
    """
    named = model if isinstance(model, str) else type(model).__name__
    settings, pictures = plan(named, images, **asked)
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="deformviz-study-"))
    in_memory = None if isinstance(model, str) else model
    make(folder, settings, pictures, model=in_memory, workers=workers, on_progress=on_progress)
    study = Study(folder)
    if study.complete:
        keep_results(study)
    return study
