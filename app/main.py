"""The server: Streamlit's pages and the routes that hand out traces. `streamlit run app/main.py`"""

from pathlib import Path

import streamlit as st

from app.explorer.component import explorer_routes
from app.traces import ROUTES

app = st.App(Path(__file__).with_name("pages.py"), routes=[*ROUTES, *explorer_routes()])
