"""The server: Streamlit's pages and the routes that hand out traces. `streamlit run app/main.py`

$DEFORMVIZ_LOG sets how much it tells the terminal: WARNING, or INFO for a line per model run.
"""

import logging
import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.explorer.component import explorer_routes
from app.first_visit import FirstVisit, warm_start
from app.grids.component import GRID_CANVAS
from app.keys.component import KEYS_CANVAS
from app.replay.routes import replay_routes
from app.traces import ROUTES
from app.walkthrough.component import walkthrough_routes

logging.basicConfig(level=os.environ.get("DEFORMVIZ_LOG", "WARNING").upper())
app = st.App(
    Path(__file__).with_name("pages.py"),
    routes=[
        *ROUTES,
        *explorer_routes(),
        *GRID_CANVAS.routes(),
        *KEYS_CANVAS.routes(),
        *replay_routes(),
        *walkthrough_routes(),
    ],
    middleware=[Middleware(FirstVisit)],
    lifespan=warm_start,
)
