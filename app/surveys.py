"""Studies of many pictures one can look at: the shipped ones, and those in the server's folder."""

from __future__ import annotations

import functools
import gzip
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import visitor, work
from app.folders import changed_at, is_file, members
from app.line import QueueFull
from app.traces import FOR_EVER, SAFE
from deformviz.survey.files import ATLAS, EXTREMES, PARTS, SETTINGS, TOTALS
from deformviz.survey.pictures import SurveyError
from deformviz.survey.settings import Settings
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.sums import ALL
from deformviz.tracing.packing import read_header
from deformviz.words import say, spoken

if TYPE_CHECKING:
    from deformviz.survey.contrast import Change
    from deformviz.survey.extremes import Extreme
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
    if folder:
        own = [Path(folder), *members(Path(folder))]
        for path in (path for path in own if is_file(path / SETTINGS)):
            found[path.name] = KnownStudy(path.name, path.name, path, _stamp(path))
    return found


def _stamp(path: Path) -> int:
    return max(changed_at(path / name) for name in (SETTINGS, PARTS, TOTALS, EXTREMES))


def settings(known: KnownStudy) -> Settings:
    """What a study asks. Raises SurveyError."""
    try:
        return Settings.from_json((known.path / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise SurveyError(f"{known.name} cannot be read: {type(problem).__name__}.") from None


# -- the head atlas ------------------------------------------------------------------------------


def packed(known: KnownStudy, group: str) -> bytes:
    """The head atlas of a group, zipped; that of all is kept with a study. Raises SurveyError."""
    kept = known.path / ATLAS
    if group == ALL and kept.is_file():
        return kept.read_bytes()
    return asked("atlas", known, group).read_bytes()


@functools.lru_cache(maxsize=16)
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


def asked(question: str, of: KnownStudy | tuple[KnownStudy, ...], *about: Any) -> Any:
    """What a question of `app.tasks.surveys` says, also one that was answered before.

    Raises:
        SurveyError: a study cannot be read, DuckDB is not installed, or the work was ended.
    """
    studies = of if isinstance(of, tuple) else (of,)
    places = tuple((known.path, known.stamp) for known in studies)
    key = work.key_of("asked", question, *places, *about)
    return _waited_for(key, "answer", question, places, about)


def picture(path: str) -> bytes:
    """A picture of a study as a file; b"" where it is not here any more."""
    return _seen("picture", path)


def small_picture(path: str) -> bytes:
    """A small version as JPEG; b"" where it cannot be shown."""
    return _seen("small_picture", path)


def _seen(what: str, path: str) -> bytes:
    with suppress(SurveyError):
        return _waited_for(work.key_of(what, path), what, path)
    return b""


def _waited_for(key: str, what: str, *arguments: Any) -> Any:
    """An answer of a second or less: a page waits for it, in place of this process's memory."""
    in_a_page = get_script_run_ctx(suppress_warning=True) is not None
    # What fetches a file has no page behind it that could close; it waits for itself.
    waits_as = visitor.me().name if in_a_page else f"whoever fetches {key}"
    ended = None
    for _ in range(2):  # the first may have ended just now, for want of anybody else
        try:
            ticket = work.ask(
                key, f"app.tasks.surveys:{what}", arguments, visitor=waits_as, lane=work.TABLES
            )
        except QueueFull as problem:
            raise SurveyError(str(problem)) from None
        if ticket.answer is None:
            ended = work.wait(key)
        if (found := ticket.answer) is not None:
            return found
        work.forget(key)
        if ended is not None and ended.state == "failed":
            raise SurveyError(ended.error)
    raise SurveyError(say("page.survey.gone"))


def answer(known: KnownStudy, question: str, *about: Any) -> Any:
    """What a question of `deformviz.survey.questions` says; the last of `about` is a group.

    Raises SurveyError, also where DuckDB is not installed.
    """
    return asked(question, known, *about)


def findings(known: KnownStudy) -> tuple[Verdict, ...]:
    """What stands out in a study. Raises SurveyError."""
    return asked("findings", known)


def compared(before: KnownStudy, after: KnownStudy) -> tuple[Change, ...]:
    """Heads that differ between two studies. Raises SurveyError."""
    return asked("compared", (before, after))


def extremes(known: KnownStudy) -> tuple[Extreme, ...]:
    """The pictures that are farthest out, where their recordings are kept."""
    return asked("extremes", known)


def shares(known: KnownStudy) -> dict[str, np.ndarray]:
    """How weight is shared out among levels, of every layer and size. Raises SurveyError."""
    return asked("shares", known)


# -- files to take along -------------------------------------------------------------------------


def csv(known: KnownStudy, table: str) -> bytes:
    """A table of a study as CSV."""
    return asked("csv", known, table).read_bytes()


def tables(known: KnownStudy) -> bytes:
    """All tables of a study as CSV and Parquet, and its sums as NPZ, in one ZIP file."""
    return asked("tables", known).read_bytes()


def report(known: KnownStudy) -> bytes:
    """A study as one page that needs no server."""
    return asked("report", known, known.title, spoken()).read_bytes()


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
