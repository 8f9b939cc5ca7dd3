"""What the page shows, in a few words and one equation."""

import streamlit as st

from deformviz.figures.theme import LEVEL_MARKS

EQUATION = r"""
\operatorname{MSDeformAttn}(z_q, \hat p_q, x) = \sum_{m=1}^{M} W_m \Big[ \sum_{l=1}^{L}
\sum_{k=1}^{K} A_{mlqk} \cdot W'_m\, x^l\big(\phi_l(\hat p_q) + \Delta p_{mlqk}\big) \Big]
"""

SYMBOLS = r"""
| in the equation | on the picture | meaning |
|---|---|---|
| $q$ | the cell or box you point at | one question the model asks about the picture |
| $\hat p_q$ | the cross | its reference: where it starts to look (a box in this decoder) |
| $m$ | **colour** | the head; each looks for something of its own |
| $l$ | **shape** {marks} | the level: fine cells first, coarse ones last |
| $\Delta p_{{mlqk}}$ | from the cross to a mark | a learned offset, computed from the query alone |
| $A_{{mlqk}}$ | **area** | the weight of a point; those of one head add up to 1 |
| $x^l(\cdot)$ | the mark's place | features read there, mixed from the four nearest cells |
"""


def explanation() -> None:
    """The idea, the equation, and which mark is which symbol."""
    with st.expander("What am I seeing?", icon=":material/help:"):
        st.markdown(
            "Ordinary attention compares every query with every place of a picture. **Deformable "
            "attention reads a handful of places only**, and learns where they should be: for "
            "each query, head and level a few points around a reference. What you see are those "
            "points, exactly as the model computed them, not a heat map made afterwards."
        )
        st.latex(EQUATION)
        st.markdown(SYMBOLS.format(marks=" ".join(mark for mark, _ in LEVEL_MARKS[:4])))
        st.markdown(
            "In the **encoder** every cell of every level asks: what is here? In the **decoder** "
            "a few object queries ask: where is my object, and what is it? "
            "Eq. 3 of [Deformable DETR](https://arxiv.org/abs/2010.04159)."
        )
