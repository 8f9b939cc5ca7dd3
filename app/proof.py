"""What a page says beside a drawing of its own: whether the layer it draws replays.

The badge is that of the canvases, in the same words; of a layer that does not agree with its
model, nothing is drawn.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from deformviz.words import say

STYLE = """<style>
.dv-proof { font-size: 0.75rem; padding: 0 0.4em; border-radius: 0.6em; opacity: 0.85;
            border: 1px solid currentColor; }
.dv-proof-bad { background: #b00020; border-color: #b00020; color: #fff; font-weight: 700;
                opacity: 1; }
</style>"""
Header = Mapping[str, Any] | None  # a proof as a packed layer holds it; None: nobody replayed it


def is_wrong(proof: Header) -> bool:
    """Whether a layer was replayed and is not what its model did; "nan" is no agreement."""
    return proof is not None and not float(proof["difference"]) <= proof["tolerance"]


def may_be_drawn(proofs: Iterable[Header], *, beside_canvas: bool = False) -> bool:
    """Show the badge of the layer that says least good, and tell whether it may be drawn.

    Args:
        beside_canvas: a canvas on the page has its own badge; here only what is wrong is said.
    """
    told = list(proofs)
    least = max(told, key=_rank, default=None)
    if is_wrong(least) or not beside_canvas:
        st.html(STYLE + _badge(least))
    return not is_wrong(least)


def _rank(proof: Header) -> tuple[int, float]:
    if proof is None:
        return 1, 0.0
    difference = float(proof["difference"])
    return 2 if is_wrong(proof) else 0, difference if difference == difference else float("inf")


def _badge(proof: Header) -> str:
    wrong = is_wrong(proof)
    if proof is None:
        words, meaning = say("canvas.kit.proof.unknown"), [say("canvas.kit.proof.unknown.means")]
    else:
        words = say(
            f"canvas.kit.proof.{'wrong' if wrong else 'proven'}",
            difference=_short(proof["difference"]),
        )
        meaning = [say("canvas.kit.proof.meaning", allowed=_short(proof["tolerance"]))]
    if wrong:
        meaning.append(say("canvas.kit.proof.nothing"))
    title = html.escape(" ".join(meaning), quote=True)
    bad = " dv-proof-bad" if wrong else ""
    return f'<span class="dv-proof{bad}" role="status" title="{title}">{html.escape(words)}</span>'


def _short(number: float | str) -> str:
    """One digit and a power of ten, as the canvases write it."""
    value = float(number)
    if value != value or value in (float("inf"), -float("inf")):
        return say("canvas.kit.proof.no_number")
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}e{int(power):+d}"
