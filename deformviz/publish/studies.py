"""The page Survey: head atlas and findings of the stored studies."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from deformviz.publish.edition import Edition, Page
from deformviz.publish.markup import inline, plain
from deformviz.publish.stored import gallery, picture, picture_data
from deformviz.survey.files import ATLAS, COVERED, SETTINGS, VERDICTS
from deformviz.survey.settings import Settings
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.verdicts import from_json
from deformviz.words import say


def pages(edition: Edition) -> Iterable[Page]:
    """One page of all studies that keep their atlas."""
    studies = {name: path for name, path in shipped_studies().items() if (path / ATLAS).is_file()}
    if not studies:
        return
    shown = [_study(edition, name, path) for name, path in studies.items()]
    told = say("page.survey.instruction")
    body = f"<p>{inline(told)}</p>{gallery(shown, 'survey.html')}"
    found = "".join(_findings(name, path) for name, path in studies.items())
    yield Page(
        "survey",
        f"{say('page.survey.title')} · deformviz",
        plain(told),
        body,
        picture_data(edition, shown, shown[0]["name"]),
        say("page.survey.headline"),
        below=found,
    )


def _study(edition: Edition, name: str, path: Path) -> dict[str, Any]:
    return picture(
        edition,
        name=name,
        title=say(f"page.survey.study.{name}"),
        canvas="atlas",
        jpeg=b"",
        hw=(1, 1),
        packed={"all": (path / ATLAS).read_bytes()},
    )


def _findings(name: str, path: Path) -> str:
    """What stands out in a study, in words that rest on its intervals."""
    settings = Settings.from_json((path / SETTINGS).read_text(encoding="utf-8"))
    about = say(
        "page.survey.about",
        model=settings.model,
        count=f"{int((path / COVERED).read_text()):,}",
        images=settings.images,
        queries=settings.queries,
    )
    told = from_json((path / VERDICTS).read_text(encoding="utf-8")) or ()
    rows = "".join(f"<li>{escape(one.text)}</li>" for one in told)
    said = f"<ul>{rows}</ul>" if rows else f"<p>{escape(say('page.survey.no_verdicts'))}</p>"
    return (
        f"<details><summary>{escape(say(f'page.survey.study.{name}'))}: "
        f"{escape(say('page.survey.verdicts'))}</summary>"
        f"<p>{escape(about)} {inline(say('page.survey.verdicts.how'))}</p>{said}</details>"
    )
