"""What lessons hand out: the sheet for a class, and snapshots of a training."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.traces import FOR_EVER, SAFE
from deformviz.lessons.sheet import sheet_html
from deformviz.lessons.worked import snapshots
from deformviz.words import languages


async def serve_sheet(request: Request) -> Response:
    """The sheet in a language."""
    language = request.path_params["language"]
    if language not in languages():
        return PlainTextResponse("There is no sheet in this language.", status_code=404)
    return HTMLResponse(sheet_html(language))


async def serve_snapshot(request: Request) -> Response:
    """A packed layer of a snapshot, compressed as it is kept."""
    path = {path.name: path for path in snapshots()}.get(request.path_params["name"])
    if path is None:
        return PlainTextResponse("No lesson shows this snapshot.", status_code=404)
    return Response(
        path.read_bytes(),
        media_type="application/octet-stream",
        headers={"Cache-Control": FOR_EVER, "Content-Encoding": "gzip", **SAFE},
    )


ROUTES = [
    Route("/sheet/{language}", serve_sheet),
    Route("/snapshot/{name}", serve_snapshot),
]
