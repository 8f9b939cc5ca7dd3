"""Markdown of the derivations as spans, so that the browser never parses text as HTML."""

from __future__ import annotations

import re

PATTERN = re.compile(r"\*\*(?P<strong>.+?)\*\*|\*(?P<em>.+?)\*|`(?P<code>.+?)`")


def spans(markdown: str) -> list[list[str]]:
    """[kind, text] in order; kinds are "text", "strong", "em" and "code"."""
    found, at = [], 0
    for match in PATTERN.finditer(markdown):
        if match.start() > at:
            found.append(["text", markdown[at:match.start()]])
        found.append([match.lastgroup, match[match.lastgroup]])
        at = match.end()
    if at < len(markdown):
        found.append(["text", markdown[at:]])
    return found
