"""The HTTP routes of a replay: its manifest, its picture, one packed layer of one snapshot."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.replays import find
from app.tasks.replay_view import ReplayView
from app.traces import FOR_EVER, SAFE


def _gone() -> Response:
    return PlainTextResponse(
        "This replay is not here any more; reload the page.",
        status_code=404,
        headers={"Cache-Control": "no-store"},
    )


def _find(key: str) -> ReplayView | None:
    """In a thread: it may have to be read from disk."""
    return find(key)


async def _view(request: Request) -> ReplayView | None:
    return await run_in_threadpool(_find, request.path_params["key"])


async def manifest(request: Request) -> Response:
    """What there is to see; its address changes with it."""
    view = await _view(request)
    if view is None:
        return _gone()
    return JSONResponse(
        await run_in_threadpool(view.manifest), headers={"Cache-Control": "no-store", **SAFE}
    )


async def picture(request: Request) -> Response:
    """The picture the snapshots look at."""
    view = await _view(request)
    if view is None:
        return _gone()
    return Response(
        view.picture(), media_type="image/jpeg", headers={"Cache-Control": FOR_EVER, **SAFE}
    )


async def layer(request: Request) -> Response:
    """One packed layer of one snapshot, as it was compressed."""
    view, place = await _view(request), request.path_params
    if view is None or place["layer"] not in view.frames.get(place["iteration"], ()):
        return _gone()
    return Response(
        await run_in_threadpool(view.packed, place["iteration"], place["layer"]),
        media_type="application/octet-stream",
        headers={"Cache-Control": FOR_EVER, "Content-Encoding": "gzip", **SAFE},
    )


def replay_routes() -> list[Route]:
    """Routes for `st.App`."""
    return [
        Route("/replay/{key}/manifest.json", manifest),
        Route("/replay/{key}/picture.jpg", picture),
        Route("/replay/{key}/{iteration:int}/{layer}.bin", layer),
    ]
