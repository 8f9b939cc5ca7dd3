"""Our own sentences, which are Markdown, as HTML; and as the plain text of a description."""

from __future__ import annotations

from html import escape

from deformviz.walkthrough.prose_spans import spans


def inline(markdown: str) -> str:
    """One paragraph's insides: strong, emphasis, code and formulas; all else is text."""
    return "".join(
        text if kind == "math" else escape(text) if kind == "text" else _tagged(kind, text)
        for kind, text in spans(markdown)
    )


def _tagged(kind: str, text: str) -> str:
    return f"<{kind}>{escape(text)}</{kind}>"


def paragraphs(markdown: str) -> str:
    """Text whose paragraphs are apart by an empty line."""
    return "".join(f"<p>{inline(part.strip())}</p>" for part in markdown.split("\n\n") if part)


def plain(markdown: str) -> str:
    """The same without marks, for where only text goes."""
    return "".join(text for kind, text in spans(markdown) if kind != "math")
