"""Which pages there are; each is one file in views/."""

from pathlib import Path

import streamlit as st

from app import session

st.set_page_config(
    page_title="deformviz",
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    initial_sidebar_state="auto",
)
page = st.navigation(
    [
        st.Page(
            "views/explore.py", title="Explore", icon=":material/center_focus_strong:", default=True
        ),
        st.Page("views/dat.py", title="Deformed grids", icon=":material/grid_4x4:"),
        st.Page("views/compare_attention.py", title="Five attentions", icon=":material/compare:"),
        st.Page("views/walkthrough.py", title="Equations", icon=":material/function:"),
        st.Page("views/training.py", title="Training", icon=":material/timeline:"),
        st.Page("views/checkpoint.py", title="Checkpoint", icon=":material/inventory_2:"),
        st.Page("views/attribution.py", title="Attribution", icon=":material/balance:"),
        st.Page("views/myths.py", title="Myths", icon=":material/help:"),
    ],
    position="top",
)
ROOMS = {"dat": session.GRID, "compare_attention": session.KEYS}
session.enter(ROOMS.get(page.url_path, session.SAMPLING))
page.run()
