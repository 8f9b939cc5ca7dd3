"""Questions to studies of many pictures, answered where their tables may be opened.

Tables, Arrow and DuckDB stay in the worker; what goes back are small records, or files.
"""

from __future__ import annotations

import functools
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.worker import Task
from deformviz.survey.pictures import ENDINGS, SCENES, Picture

if TYPE_CHECKING:
    from deformviz.survey.contrast import Change
    from deformviz.survey.extremes import Extreme
    from deformviz.survey.study import Study
    from deformviz.survey.verdicts import Verdict

Place = tuple[Path, int]  # where a study lies, and what changes when more of it is there
SMALL_PX = 320
LARGEST_BYTES = 20 * 2**20
OF_TABLES = ("layer_means", "correctness", "bars", "pictures_behind")  # of `survey.questions`


def answer(task: Task, question: str, places: tuple[Place, ...], about: tuple[Any, ...]) -> Any:
    """What one question to one study, or to two, says.

    Args:
        question: a name of QUESTIONS, or one of OF_TABLES with a group as the last of `about`.

    Raises:
        SurveyError: a study cannot be read, or DuckDB is not installed.
    """
    task.report(question)
    if question in OF_TABLES:
        return _of_tables(question, places[0], about)
    return QUESTIONS[question](task, *(_opened(*place) for place in places), *about)


@functools.lru_cache(maxsize=2)  # of eighty classes each has some hundred MiB
def _opened(path: Path, stamp: int) -> Study:
    from deformviz.survey.study import Study

    return Study(path)


@functools.lru_cache(maxsize=3)
def _connection(path: Path, stamp: int) -> Any:
    return _opened(path, stamp).connect()


def _of_tables(question: str, place: Place, about: tuple[Any, ...]) -> Any:
    from deformviz.survey import questions

    *given, group = about
    cursor = _connection(*place).cursor()
    return getattr(questions, question)(cursor, *given, which=questions.Which(group))


def _atlas(task: Task, study: Study, group: str) -> Path:
    from deformviz.survey.atlas import pack_atlas

    return _file(task, "atlas.bin.gz", gzip.compress(pack_atlas(study, group), 6))


def _findings(task: Task, study: Study) -> tuple[Verdict, ...]:
    return tuple(study.verdicts())


def _compared(task: Task, before: Study, after: Study) -> tuple[Change, ...]:
    from deformviz.survey.contrast import changes

    return tuple(changes(before, after))


def _extremes(task: Task, study: Study) -> tuple[Extreme, ...]:
    from deformviz.survey.extremes import kept_extremes

    return tuple(kept_extremes(study))


def _shares(task: Task, study: Study) -> Any:
    from deformviz.survey.sums import shares_by_size

    return shares_by_size(study.sums)


def _csv(task: Task, study: Study, table: str) -> Path:
    from deformviz.survey.exports import csv_bytes

    return _file(task, f"{table}.csv", csv_bytes(study, table))


def _tables(task: Task, study: Study) -> Path:
    from deformviz.survey.exports import zipped

    return _file(task, "tables.zip", zipped(study))


def _report(task: Task, study: Study, title: str, language: str) -> Path:
    from deformviz.figures.survey_report import survey_report
    from deformviz.words import speaking

    with speaking(language):
        return _file(task, "report.html", survey_report(study, title=title).encode())


def _file(task: Task, name: str, data: bytes) -> Path:
    path = task.folder / name
    path.write_bytes(data)
    return path


QUESTIONS: dict[str, Callable[..., Any]] = {
    "atlas": _atlas,
    "findings": _findings,
    "compared": _compared,
    "extremes": _extremes,
    "shares": _shares,
    "csv": _csv,
    "tables": _tables,
    "report": _report,
}


# -- the pictures behind a bar -------------------------------------------------------------------


def picture(task: Task, path: str) -> bytes:
    """A picture of a study as a file; b"" where it is not here any more."""
    from PIL import Image

    if path.startswith(SCENES):
        image, _ = Picture("", path).read()
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()
    file = Path(path)
    if file.suffix.lower() not in ENDINGS or not file.is_file():
        return b""
    return file.read_bytes() if file.stat().st_size <= LARGEST_BYTES else b""


def small_picture(task: Task, path: str) -> bytes:
    """A small version of a picture as JPEG; b"" where it cannot be shown."""
    from PIL import Image

    try:
        data = picture(task, path)
        if not data:
            return b""
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (SMALL_PX, SMALL_PX))
            image = image.convert("RGB")
            image.thumbnail((SMALL_PX, SMALL_PX))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=84)
            return buffer.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
