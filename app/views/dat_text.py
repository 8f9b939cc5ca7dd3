"""What the page of deformed grids says in words."""

import streamlit as st

EQUATION = r"""
z^{(m)} = \operatorname{softmax}\!\Big( \tfrac{1}{\sqrt d}\, q^{(m)} \tilde k^{(m)\top}
+ \phi(\hat B; R) \Big)\, \tilde v^{(m)}, \qquad
\tilde k,\, \tilde v = x(p + \Delta p)\, W_{k,v}, \qquad
\Delta p = \tfrac{s}{H_k} \tanh \theta_{\mathrm{offset}}(q)
"""
SYMBOLS = r"""
| in the equation | on the picture | meaning |
|---|---|---|
| $p$ | small dots | the undeformed grid, one knot for each patch of cells |
| $\Delta p$ | dashed arrows | how each knot moves, for all queries alike; at most $s/2$ cells |
| $x(p+\Delta p)$ | knots of the mesh | where keys and values are read, mixed from four cells |
| $q$ | the outlined cell | a query; there is one for each cell of the map |
| $\operatorname{softmax}$ | **area** of a disc | its attention to a knot |
| $m$ | **colour** | the head; the heads of one group share a grid |
| $\phi(\hat B; R)$ | *Bias surface* | what the displacement to a knot adds to its score |
"""


def explanation() -> None:
    """The idea, the equations, and which mark is which symbol."""
    with st.expander("What am I seeing?", icon=":material/help:"):
        st.markdown(
            "Deformable DETR gives every query its own points. **DAT bends one grid per group "
            "for all queries**, towards what matters in this picture, and then attends to its "
            "knots as usual: a query is compared with every key. The shipped model was trained "
            "on pictures of one object, from an undeformed grid, only to name that object; "
            "nobody told it where the object is."
        )
        st.latex(EQUATION)
        st.markdown(SYMBOLS)
        st.markdown("Eq. 3 and 6 to 9 of [DAT](https://arxiv.org/abs/2201.00520).")
