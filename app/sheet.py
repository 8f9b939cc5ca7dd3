"""The sheet for a class, as a page of its own that prints."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from deformviz.lessons.sheet import sheet_html
from deformviz.words import languages


async def serve_sheet(request: Request) -> Response:
    """The sheet in a language."""
    language = request.path_params["language"]
    if language not in languages():
        return PlainTextResponse("There is no sheet in this language.", status_code=404)
    return HTMLResponse(sheet_html(language))


ROUTES = [Route("/sheet/{language}", serve_sheet)]
