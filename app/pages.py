"""Which pages there are; each is one file in views/."""

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="deformviz", page_icon=str(Path(__file__).with_name("icon.svg")),
                   layout="wide", initial_sidebar_state="auto")
st.navigation([
    st.Page("views/explore.py", title="Explore", icon=":material/center_focus_strong:",
            default=True),
    st.Page("views/training.py", title="Training", icon=":material/timeline:"),
], position="top").run()
