"""The HTTP routes: packed layers and pictures by a key that names their content for ever."""

from __future__ import annotations

import functools
import io
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.rooms import every_stored
from app.runs import find
from app.sources import list_sources

FOR_EVER = "private, max-age=31536000, immutable"
ONE_DAY = "public, max-age=86400"
THUMBNAIL_PX = 176
SAFE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


def _missing(sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=404, headers={"Cache-Control": "no-store"})


async def trace(request: Request) -> Response:
    """One packed layer, compressed once for all; saying so keeps the server from doing it again."""
    key, layer = request.path_params["key"], request.path_params["layer"]
    run = await run_in_threadpool(find, key)
    if run is None or layer not in run.layers:
        return _missing("This trace is not here any more; reload the page to compute it again.")
    return Response(
        await run_in_threadpool(run.layer_gzip, layer),
        media_type="application/octet-stream",
        headers={"Cache-Control": FOR_EVER, "Content-Encoding": "gzip", **SAFE},
    )


async def picture(request: Request) -> Response:
    """The picture of a run as a JPEG without metadata."""
    run = await run_in_threadpool(find, request.path_params["key"])
    if run is None:
        return _missing("This picture is not here any more; reload the page.")
    return Response(
        await run_in_threadpool(run.picture_jpeg),
        media_type="image/jpeg",
        headers={"Cache-Control": FOR_EVER, **SAFE},
    )


async def thumbnail(request: Request) -> Response:
    """A small version of a gallery picture."""
    source = list_sources(every_stored()).get(request.path_params["name"])
    if source is None:
        return _missing("There is no such picture in the gallery.")
    small = await run_in_threadpool(_thumbnail, source.file, source.file.stat().st_mtime_ns)
    return Response(small, media_type="image/jpeg", headers={"Cache-Control": ONE_DAY, **SAFE})


@functools.lru_cache(maxsize=64)
def _thumbnail(file: Path, mtime_ns: int) -> bytes:
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        image.draft("RGB", (THUMBNAIL_PX * 2, THUMBNAIL_PX * 2))
        small = ImageOps.fit(image.convert("RGB"), (THUMBNAIL_PX, THUMBNAIL_PX * 3 // 4))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


ROUTES = [
    Route("/trace/{key}/{layer}.bin", trace),
    Route("/picture/{key}.jpg", picture),
    Route("/thumbnail/{name}.jpg", thumbnail),
]
