"""Which pages there are; each is one file in views/."""

from pathlib import Path

import streamlit as st

from app import session

st.set_page_config(page_title="deformviz", page_icon=str(Path(__file__).with_name("icon.svg")),
                   layout="wide", initial_sidebar_state="auto")
page = st.navigation([
    st.Page("views/explore.py", title="Explore", icon=":material/center_focus_strong:",
            default=True),
    st.Page("views/dat.py", title="Deformed grids", icon=":material/grid_4x4:"),
    st.Page("views/training.py", title="Training", icon=":material/timeline:"),
], position="top")
session.enter(session.GRID if page.url_path == "dat" else session.SAMPLING)
page.run()
