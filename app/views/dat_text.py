"""What the page of deformed grids says in words."""

import streamlit as st

from deformviz.lessons.ablations import ON_OBJECT, SHARED_SCENES
from deformviz.words import say

EQUATION = r"""
z^{(m)} = \operatorname{softmax}\!\Big( \tfrac{1}{\sqrt d}\, q^{(m)} \tilde k^{(m)\top}
+ \phi(\hat B; R) \Big)\, \tilde v^{(m)}, \qquad
\tilde k,\, \tilde v = x(p + \Delta p)\, W_{k,v}, \qquad
\Delta p = \tfrac{s}{H_k} \tanh \theta_{\mathrm{offset}}(q)
"""
SYMBOLS = {
    "reference": "$p$",
    "offset": r"$\Delta p$",
    "read": r"$x(p+\Delta p)$",
    "query": "$q$",
    "softmax": r"$\operatorname{softmax}$",
    "head": "$m$",
    "bias": r"$\phi(\hat B; R)$",
}


def explanation() -> None:
    """The idea, the equations, and which mark is which symbol."""
    rows = [f"| {sign} | {say(f'page.dat.symbols.{name}')} |" for name, sign in SYMBOLS.items()]
    with st.expander(say("page.explained"), icon=":material/help:"):
        st.markdown(say("page.dat.explained"))
        shares = {name: f"{share:.0%}" for name, share in ON_OBJECT.items()}
        st.markdown(say("page.dat.explained.measured", scenes=SHARED_SCENES, **shares))
        st.latex(EQUATION)
        st.markdown("\n".join([f"| {say('page.dat.symbols')} |", "|---|---|---|", *rows]))
        st.markdown(say("page.dat.explained.source"))
