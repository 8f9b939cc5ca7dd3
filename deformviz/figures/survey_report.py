"""A study as one page that stands alone: findings in words, head atlas, numbers of every head."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re

import numpy as np

from deformviz import bundles
from deformviz.figures.theme import palette
from deformviz.survey.atlas import pack_atlas
from deformviz.survey.study import Study
from deformviz.survey.sums import ALL
from deformviz.survey.verdicts import unit, verdicts
from deformviz.words import say

STYLE = """
.dv-report {
  font: 15px/1.5 system-ui, sans-serif;
  max-width: 72rem;
  margin: 1.5rem auto;
  padding: 0 1rem;
}
.dv-report table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.dv-report :is(th, td) { padding: 0.15rem 0.7rem; text-align: right; }
.dv-report :is(th, td):first-child { text-align: left; }
"""
MEASURES = ("outside_share", "spread", "entropy", "heaviest")


def survey_report(study: Study, *, title: str = "deformviz") -> str:
    """Findings, head atlas and means of every head as HTML text; needs no server."""
    data = {
        "title": title,
        "picture_url": "",
        "palette": palette(5),
        "words": bundles.words("atlas"),
        "view": {},
    }
    blob = gzip.compress(pack_atlas(study, ALL), 9, mtime=0)
    parts = {
        "title": _safe(title),
        "style": bundles.read("atlas.css") + STYLE,
        "script": bundles.read("atlas.js"),
        "trace": base64.b64encode(blob).decode(),
        "data": json.dumps(data).replace("<", "\\u003c"),
    }
    page = bundles.read(bundles.TEMPLATE).replace(
        '<main id="explorer"></main>',
        f'<div class="dv-report">{_before(study, title)}</div><main id="explorer"></main>'
        f'<div class="dv-report">{_numbers(study)}</div>',
    )
    # What is said of the study may hold {{names}} of its own: only the template's are filled.
    filled = re.compile(r"\{\{(" + "|".join(parts) + r")\}\}")
    return filled.sub(lambda found: parts[found[1]], page)


def _before(study: Study, title: str) -> str:
    settings = study.settings
    about = say(
        "page.survey.about",
        model=settings.model,
        count=f"{study.covered:,}",
        images=settings.images,
        queries=settings.queries,
    )
    found = "".join(f"<li>{_safe(verdict.text)}</li>" for verdict in verdicts(study))
    said = f"<ul>{found}</ul>" if found else f"<p>{say('page.survey.no_verdicts')}</p>"
    return f"<h1>{_safe(title)}</h1><p>{_safe(about)}</p>{said}"


def _numbers(study: Study) -> str:
    """Means over the pictures whose rows are kept, one line a head."""
    tables = {name: study.per_picture(name) for name in MEASURES}
    heading = "".join(f"<th>{say(f'page.survey.measure.{name}')}</th>" for name in MEASURES)
    lines = []
    for layer, sums in study.sums.items():
        for head in range(sums.heads):
            cells = [_cell(tables[name].get(layer), name, head) for name in MEASURES]
            place = say("page.survey.place", layer=layer, head=head)
            lines.append(f"<tr><td>{_safe(f'{place} ({unit(sums)})')}</td>{''.join(cells)}</tr>")
    rows = len(study.pictures())
    caption = say("page.survey.rows", count=f"{rows:,}")
    return f"<p>{caption}</p><table><tr><th></th>{heading}</tr>{''.join(lines)}</table>"


def _cell(values: np.ndarray | None, name: str, head: int) -> str:
    if values is None or not np.isfinite(values[:, head]).any():
        return "<td></td>"
    of_head = values[:, head].sum(-1) if name == "outside_share" else values[:, head].max(-1)
    return f"<td>{np.nanmean(of_head):.3f}</td>"


def _safe(text: str) -> str:
    """Foreign text in a page: no markup, and no place of the template."""
    return html.escape(text).replace("{", "&#123;")
