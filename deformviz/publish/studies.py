"""The page Survey: head atlas and findings of the stored studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from deformviz.publish.edition import Edition, Page
from deformviz.publish.markup import inline, plain
from deformviz.publish.stored import gallery, picture, picture_data
from deformviz.survey.files import ATLAS, COVERED, SETTINGS, VERDICTS
from deformviz.survey.settings import Settings
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.verdicts import Verdict, find_verdicts, from_json
from deformviz.words import say


@dataclass(frozen=True)
class Shown:
    """A study on the page."""

    name: str  # in an address
    title: str
    path: Path


def listed(own: Sequence[Path]) -> list[Shown]:
    """Somebody's own, then the shipped ones; all of them keep their atlas."""
    shipped = [
        Shown(name, say(f"page.survey.study.{name}"), path)
        for name, path in shipped_studies().items()
        if (path / ATLAS).is_file()
    ]
    taken = {one.name for one in shipped}
    mine = [
        Shown(f"own-{path.name}" if path.name in taken else path.name, path.name, path)
        for path in own
    ]
    return mine + shipped


def pages(edition: Edition, own: Sequence[Path] = ()) -> Iterable[Page]:
    """One page of all studies."""
    studies = listed(own)
    if not studies:
        return
    shown = [_study(edition, one) for one in studies]
    told = say("page.survey.instruction")
    body = f"<p>{inline(told)}</p>{gallery(shown, 'survey.html')}"
    found = "".join(map(_findings, studies))
    yield Page(
        "survey",
        f"{say('page.survey.title')} · deformviz",
        plain(told),
        body,
        picture_data(edition, shown, shown[0]["name"]),
        say("page.survey.headline"),
        below=found,
    )


def _study(edition: Edition, study: Shown) -> dict[str, Any]:
    return picture(
        edition,
        name=study.name,
        title=study.title,
        canvas="atlas",
        jpeg=b"",
        hw=(1, 1),
        packed={"all": (study.path / ATLAS).read_bytes()},
    )


def _findings(study: Shown) -> str:
    """What stands out in a study, in words that rest on its intervals."""
    settings = Settings.from_json((study.path / SETTINGS).read_text(encoding="utf-8"))
    about = say(
        "page.survey.about",
        model=_last_part(settings.model),
        count=f"{int((study.path / COVERED).read_text()):,}",
        images=_last_part(settings.images),
        queries=settings.queries,
    )
    rows = "".join(f"<li>{escape(one.text)}</li>" for one in _found(study.path))
    said = f"<ul>{rows}</ul>" if rows else f"<p>{escape(say('page.survey.no_verdicts'))}</p>"
    return (
        f"<details><summary>{escape(study.title)}: "
        f"{escape(say('page.survey.verdicts'))}</summary>"
        f"<p>{escape(about)} {inline(say('page.survey.verdicts.how'))}</p>{said}</details>"
    )


def _found(path: Path) -> list[Verdict]:
    """The findings kept with a study; found again where they were kept in another form."""
    kept = from_json((path / VERDICTS).read_text(encoding="utf-8"))
    if kept is None:
        from deformviz.survey.study import Study  # needs Arrow

        kept = find_verdicts(Study(path))
    return kept


def _last_part(place: str) -> str:
    """A file or folder by its name alone: where it lies on somebody's disk is theirs to know."""
    return Path(place).name if Path(place).is_absolute() else place
