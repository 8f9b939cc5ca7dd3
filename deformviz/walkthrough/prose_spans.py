"""Markdown of the derivations as spans, so that the browser never parses text as HTML."""

from __future__ import annotations

import re

from deformviz.walkthrough.mathml import symbol_mathml

PATTERN = re.compile(r"\$(?P<math>.+?)\$|\*\*(?P<strong>.+?)\*\*|\*(?P<em>.+?)\*|`(?P<code>.+?)`")


def spans(markdown: str) -> list[list[str]]:
    """[kind, text] in order; kinds are "text", "strong", "em", "code" and "math" (MathML)."""
    found, at = [], 0
    for match in PATTERN.finditer(markdown):
        if match.start() > at:
            found.append(["text", markdown[at : match.start()]])
        kind = match.lastgroup or ""  # each alternative is a group
        text = match[kind]
        found.append([kind, symbol_mathml(text) if kind == "math" else text])
        at = match.end()
    if at < len(markdown):
        found.append(["text", markdown[at:]])
    return found
