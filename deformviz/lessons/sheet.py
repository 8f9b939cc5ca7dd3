"""A sheet to print, from the lessons' own data: the plan, the questions, and the answers apart."""

from __future__ import annotations

import re
from html import escape

from deformviz.lessons.lesson import Step
from deformviz.lessons.teaching import MINUTES, PLAN
from deformviz.words import say, speaking

STYLE = """
@page { size: A4; margin: 16mm; }
body { max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; color: #111; background: #fff;
  font: 11pt/1.45 "Source Sans 3", "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; }
h1 { font-size: 20pt; margin: 0 0 4pt; }
h2 { font-size: 14pt; margin: 18pt 0 4pt; break-after: avoid; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 2pt 8pt 2pt 0;
  border-bottom: 0.5pt solid #999; vertical-align: top; }
.step { break-inside: avoid; margin: 8pt 0; } .step p { margin: 2pt 0; }
.asked { font-weight: 600; } ul { margin: 2pt 0; padding: 0; list-style: none; }
li::before { content: "☐ "; } .line { border-bottom: 0.5pt solid #555; height: 16pt; width: 60%; }
.answers { break-before: page; } .answers p { margin: 3pt 0; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""


def sheet_html(language: str) -> str:
    """One page that prints: what a class fills in, and on a new sheet what is right.

    Raises KeyError for a language there are no lessons in.
    """
    with speaking(language):
        body = [
            f"<h1>{escape(say('sheet.title'))}</h1>",
            f"<p>{escape(say('sheet.what', minutes=MINUTES))}</p>",
            _plan(language),
            *_parts(language, _question),
            f'<section class="answers"><h1>{escape(say("sheet.answers"))}</h1>',
            *_parts(language, _answer),
            "</section>",
        ]
        title = escape(say("sheet.title"))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        '<link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body><main>{''.join(body)}</main></body></html>"
    )


def _plan(language: str) -> str:
    head = "".join(f"<th>{escape(say(f'sheet.{name}'))}</th>" for name in ("minute", "lesson"))
    rows, minute = [], 0
    for part in PLAN:
        one, steps = part.of(language)
        shown = "" if len(steps) == len(one.steps) else f": {', '.join(s.title for s in steps)}"
        rows.append(
            f"<tr><td>{minute}–{minute + part.minutes}</td>"
            f"<td>{one.number}. {escape(one.title + shown)}</td></tr>"
        )
        minute += part.minutes
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _parts(language: str, show) -> list[str]:
    pieces = []
    for part in PLAN:
        one, steps = part.of(language)
        pieces.append(f"<h2>{one.number}. {escape(one.title)}</h2>")
        pieces += [show(step) for step in steps]
    return pieces


def _question(step: Step) -> str:
    stop = "" if step.title.endswith(("?", "？")) else "."
    rows = [f"<p><b>{escape(step.title)}{stop}</b> {_marked(step.text)}</p>"]
    if step.question:
        rows.append(f'<p class="asked">{escape(step.question)}</p>')
        choices = "".join(f"<li>{escape(choice)}</li>" for choice in step.choices)
        rows.append(f"<ul>{choices}</ul>" if choices else '<div class="line"></div>')
    return f'<div class="step">{"".join(rows)}</div>'


def _answer(step: Step) -> str:
    if not step.question:
        return ""
    return (
        f'<div class="step"><p class="asked">{escape(step.question)}</p>'
        f"<p>{_marked(step.reveal)}</p><p>{_marked(step.why)}</p></div>"
    )


def _marked(text: str) -> str:
    """A text as markup, what stands in it between backticks as code."""
    return re.sub("`(.+?)`", r"<code>\1</code>", escape(text))
