"""The server: Streamlit's pages and the routes that hand out traces. `streamlit run app/main.py`

$DEFORMVIZ_LOG sets how much it tells the terminal: WARNING, or INFO for a line per model run.
"""

import logging
import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.canvas.kinds import CANVASES
from app.first_visit import FirstVisit, warm_start
from app.replay.routes import replay_routes
from app.traces import ROUTES

logging.basicConfig(level=os.environ.get("DEFORMVIZ_LOG", "WARNING").upper())
app = st.App(
    Path(__file__).with_name("pages.py"),
    routes=[
        *ROUTES,
        *(route for kind in CANVASES for route in kind.routes()),
        *replay_routes(),
    ],
    middleware=[Middleware(FirstVisit)],
    lifespan=warm_start,
)
