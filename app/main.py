"""The server: Streamlit's pages and the routes that hand out traces. `streamlit run app/main.py`

$DEFORMVIZ_LOG sets how much it tells the terminal: WARNING, or INFO for a line per model run.
"""

import logging
import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from app import traces as trace_routes
from app.admission import Admission
from app.canvas.kinds import CANVASES
from app.embedding import Embedding
from app.first_visit import FirstVisit, warm_start
from app.history import History
from app.lesson_routes import ROUTES as LESSON_ROUTES
from app.replay.routes import replay_routes
from app.surveys import ROUTES as SURVEY_ROUTES
from app.uploads import Uploads

logging.basicConfig(level=os.environ.get("DEFORMVIZ_LOG", "WARNING").upper())
ROUTES = [
    *trace_routes.ROUTES,
    *(route for kind in CANVASES for route in kind.routes()),
    *replay_routes(),
    *SURVEY_ROUTES,
    *LESSON_ROUTES,
]


def below_base_path(routes: list[Route]) -> list[Route]:
    """The routes where a browser looks for them: below the server's base path, if it has one."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return [Route(f"/{base}{route.path}", route.endpoint) for route in routes] if base else routes


app = st.App(
    Path(__file__).with_name("pages.py"),
    routes=below_base_path(ROUTES),
    middleware=[
        Middleware(Embedding),
        Middleware(Admission),
        Middleware(Uploads),
        Middleware(FirstVisit),
        Middleware(History),
    ],
    lifespan=warm_start,
)
