"""Studies of many pictures one can look at: the shipped ones, and those in the server's folder."""

from __future__ import annotations

import functools
import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import work
from app.traces import FOR_EVER, SAFE
from deformviz.survey.atlas import pack_atlas
from deformviz.survey.files import ATLAS, PARTS, SETTINGS, TOTALS
from deformviz.survey.pictures import SurveyError
from deformviz.survey.settings import Settings
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.sums import ALL
from deformviz.tracing.packing import read_header
from deformviz.words import say

if TYPE_CHECKING:
    from deformviz.survey.contrast import Change
    from deformviz.survey.extremes import Extreme
    from deformviz.survey.study import Study
    from deformviz.survey.verdicts import Verdict

FOLDER = "DEFORMVIZ_STUDIES"


@dataclass(frozen=True)
class KnownStudy:
    """A study one can choose."""

    name: str  # what an address calls it
    title: str
    path: Path
    stamp: int  # changes when more of it is there

    @property
    def key(self) -> str:
        """A public name that nobody can guess."""
        return work.key_of("survey", self.path, self.stamp)


def list_surveys() -> dict[str, KnownStudy]:
    """The shipped studies and those in $DEFORMVIZ_STUDIES, by name."""
    found = {
        name: KnownStudy(name, say(f"page.survey.study.{name}"), path, _stamp(path))
        for name, path in shipped_studies().items()
    }
    folder = os.environ.get(FOLDER)
    if folder and Path(folder).is_dir():
        own = [Path(folder), *sorted(Path(folder).iterdir())]
        for path in (path for path in own if (path / SETTINGS).is_file()):
            found[path.name] = KnownStudy(path.name, path.name, path, _stamp(path))
    return found


def _stamp(path: Path) -> int:
    files = (path / name for name in (SETTINGS, PARTS, TOTALS))
    return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)


def settings(known: KnownStudy) -> Settings:
    """What a study asks. Raises SurveyError."""
    try:
        return Settings.from_json((known.path / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise SurveyError(f"{known.name} cannot be read: {type(problem).__name__}.") from None


@functools.lru_cache(maxsize=2)  # of eighty classes each has some hundred MiB
def opened(known: KnownStudy) -> Study:
    """A study with what was read of it. Raises SurveyError where it is none, or empty."""
    from deformviz.survey.study import Study

    return Study(known.path)


# -- the head atlas ------------------------------------------------------------------------------


@functools.lru_cache(maxsize=48)
def packed(known: KnownStudy, group: str) -> bytes:
    """The head atlas of a group, zipped; that of all is kept with a study. Raises SurveyError."""
    kept = known.path / ATLAS
    if group == ALL and kept.is_file():
        return kept.read_bytes()
    return gzip.compress(pack_atlas(opened(known), group), 6)


@functools.lru_cache(maxsize=48)
def header(known: KnownStudy, group: str) -> dict[str, Any]:
    """What the head atlas of a group says of itself. Raises SurveyError."""
    return read_header(gzip.decompress(packed(known, group)))[0]


def group_names(known: KnownStudy) -> list[str]:
    """What a study's maps can be split by. Raises SurveyError."""
    settings(known)  # of this version
    return header(known, ALL)["groups"]


def head_of(known: KnownStudy, group: str, query: int | None) -> tuple[str, int] | None:
    """Layer and head of a map by its number."""
    for layer in reversed(header(known, group)["layers"]):
        if query is not None and layer["first"] <= query < layer["first"] + layer["heads"]:
            return layer["name"], query - layer["first"]
    return None


def map_of(known: KnownStudy, layer: str, head: int) -> int | None:
    """The number of a head's map among those of all queries."""
    there = {one["name"]: one["first"] for one in header(known, ALL)["layers"]}
    return there[layer] + head if layer in there else None


# -- questions -----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=3)
def _connection(known: KnownStudy) -> Any:
    return opened(known).connect()


@functools.lru_cache(maxsize=256)
def answer(known: KnownStudy, question: str, *about: Any) -> Any:
    """What a question of `deformviz.survey.questions` says; the last of `about` is a group.

    Raises SurveyError, also where DuckDB is not installed.
    """
    from deformviz.survey import questions

    *given, group = about
    return getattr(questions, question)(
        _connection(known).cursor(), *given, which=questions.Which(group)
    )


@functools.lru_cache(maxsize=8)
def findings(known: KnownStudy) -> tuple[Verdict, ...]:
    """What stands out in a study. Raises SurveyError."""
    from deformviz.survey.verdicts import verdicts

    return tuple(verdicts(opened(known)))


@functools.lru_cache(maxsize=8)
def compared(before: KnownStudy, after: KnownStudy) -> tuple[Change, ...]:
    """Heads that differ between two studies. Raises SurveyError."""
    from deformviz.survey.contrast import changes

    return tuple(changes(opened(before), opened(after)))


@functools.lru_cache(maxsize=8)
def extremes(known: KnownStudy) -> tuple[Extreme, ...]:
    """The pictures that are farthest out, where their recordings are kept."""
    from deformviz.survey.extremes import kept_extremes

    there = kept_extremes(opened(known))
    return tuple(one for one in there if (known.path / one.file).is_file())


# -- files to take along -------------------------------------------------------------------------


def csv(known: KnownStudy, table: str) -> bytes:
    """A table of a study as CSV."""
    from deformviz.survey.exports import csv_bytes

    return csv_bytes(opened(known), table)


def report(known: KnownStudy) -> str:
    """A study as one page that needs no server."""
    from deformviz.figures.survey_report import survey_report

    return survey_report(opened(known), title=known.title)


# -- the route -----------------------------------------------------------------------------------


async def atlas(request: Request) -> Response:
    """The head atlas of one group of a study."""
    key, number = request.path_params["key"], request.path_params["number"]

    def find() -> bytes | None:
        known = next((one for one in list_surveys().values() if one.key == key), None)
        if known is None:
            return None
        try:
            there = group_names(known)
            return packed(known, there[number]) if number < len(there) else None
        except SurveyError:
            return None

    data = await run_in_threadpool(find)
    if data is None:
        return PlainTextResponse(
            say("page.survey.gone"), status_code=404, headers={"Cache-Control": "no-store"}
        )
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Cache-Control": FOR_EVER, "Content-Encoding": "gzip", **SAFE},
    )


ROUTES = [Route("/survey/{key}/{number:int}.bin", atlas)]
