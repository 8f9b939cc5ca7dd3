"""What the page shows, in a few words and one equation."""

import streamlit as st

from deformviz.figures.theme import LEVEL_MARKS
from deformviz.words import say

EQUATION = r"""
\operatorname{MSDeformAttn}(z_q, \hat p_q, x) = \sum_{m=1}^{M} W_m \Big[ \sum_{l=1}^{L}
\sum_{k=1}^{K} A_{mlqk} \cdot W'_m\, x^l\big(\phi_l(\hat p_q) + \Delta p_{mlqk}\big) \Big]
"""

SYMBOLS = {
    "query": "$q$",
    "reference": r"$\hat p_q$",
    "head": "$m$",
    "level": "$l$",
    "offset": r"$\Delta p_{mlqk}$",
    "weight": "$A_{mlqk}$",
    "read": r"$x^l(\cdot)$",
}


def explanation() -> None:
    """The idea, the equation, and which mark is which symbol."""
    marks = {"level": {"marks": " ".join(mark for mark, _ in LEVEL_MARKS[:4])}}
    rows = [
        f"| {sign} | {say(f'page.explore.symbols.{name}', **marks.get(name, {}))} |"
        for name, sign in SYMBOLS.items()
    ]
    with st.expander(say("page.explained"), icon=":material/help:"):
        st.markdown(say("page.explore.explained"))
        st.latex(EQUATION)
        st.markdown("\n".join([f"| {say('page.dat.symbols')} |", "|---|---|---|", *rows]))
        st.markdown(say("page.explore.explained.parts"))
