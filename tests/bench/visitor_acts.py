"""What one person does on the app's pages, as a class does it by the dozen."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
from collections.abc import Awaitable, Callable

from deformviz.words import say
from tests.bench.protocol import Element, Failed, Visitor

PATIENCE_S = 240.0
STORED, OWN, ABANDONED, TRAINING = "stored picture", "own picture", "abandoned study", "training"
SCENES = ("beach-dusk", "garden", "harbour", "savanna")
OTHER_MODEL = "another-detector.safetensors"


async def settled(visitor: Visitor, what: str) -> None:
    """Nothing is on its way any more; where the line was full, the page is asked again."""
    end = time.monotonic() + PATIENCE_S
    while visitor.is_waiting():
        try:
            await visitor.until(lambda: not visitor.is_waiting(), 5, what)
        except Failed:
            if time.monotonic() > end:
                raise
            if "jobs wait already" in visitor.text():
                await visitor.again()


async def picture(visitor: Visitor, canvas: str) -> None:
    """The canvas is there, and what it points to can be fetched."""

    def shown() -> str:
        found = visitor.canvas(canvas)
        return found.bidi_component.json if found is not None else ""

    given = json.loads(await visitor.until(shown, PATIENCE_S, f"a canvas of {canvas}"))
    assert await visitor.get(given["trace_url"]) and await visitor.get(given["picture_url"])


async def look_at_stored(visitor: Visitor, chance: random.Random) -> None:
    page, canvas = chance.choice([("explore", "sampling"), ("dat", "grid")])
    link = {"picture": chance.choice(SCENES)} if page == "explore" else {}
    await visitor.open(page, **link)
    await picture(visitor, canvas)


async def look_at_own(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("explore")
    widget = await visitor.until(
        lambda: visitor.labelled("file_uploader", say("picture.drop")), PATIENCE_S, "the upload"
    )
    name = f"mine-{chance.getrandbits(32):08x}.jpg"
    await visitor.upload(widget, name, noise(chance))

    def is_shown() -> bool:
        found = visitor.canvas("sampling")
        return found is not None and json.loads(found.bidi_component.json)["title"] == name

    await settled(visitor, "one's own picture")
    await visitor.until(is_shown, PATIENCE_S, "one's own picture")
    await picture(visitor, "sampling")


async def switch_model(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("explore", picture=chance.choice(SCENES), model=OTHER_MODEL)
    await settled(visitor, "a picture by another model")
    await picture(visitor, "sampling")


async def edit_a_derivation(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("walkthrough", picture=chance.choice(SCENES))
    canvas = await visitor.until(lambda: visitor.canvas("equations"), PATIENCE_S, "the equations")
    await visitor.tell(canvas, query={"query": chance.randrange(20)})
    await settled(visitor, "an edited derivation")


async def abandon_a_study(visitor: Visitor, chance: random.Random) -> None:
    """Begin one and leave; one that somebody else finished is shown at once, without a button."""
    side = chance.choice(["left", "top", "right", "bottom"])  # of the classes answers are stored
    await visitor.open("attribution", picture=chance.choice(SCENES), of=side)

    def offered() -> Element | str | None:
        kept = "What they are worth" in visitor.text()
        return visitor.labelled("button", "Trace it back") or ("kept" if kept else None)

    button = await visitor.until(offered, PATIENCE_S, "a study or its button")
    if not isinstance(button, str):
        await visitor.move(button, trigger_value=True)
        await asyncio.sleep(chance.uniform(0.5, 2.0))


async def watch_a_training(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("training", run=chance.choice(["detector", "dat"]))
    await visitor.until(lambda: visitor.canvas("replay"), PATIENCE_S, "a replay")


def page_called(name: str) -> Act:
    async def look(visitor: Visitor, chance: random.Random) -> None:
        await visitor.open(name)
        await settled(visitor, f"the page {name}")

    return look


Act = Callable[[Visitor, random.Random], Awaitable[None]]
ACTS: dict[str, tuple[int, Act]] = {  # how often, and what
    STORED: (4, look_at_stored),
    OWN: (1, look_at_own),
    "another model": (1, switch_model),
    "edit": (1, edit_a_derivation),
    ABANDONED: (1, abandon_a_study),
    TRAINING: (1, watch_a_training),
}


def noise(chance: random.Random) -> bytes:
    """A picture that nobody else has, as a JPEG."""
    from PIL import Image

    cells = Image.frombytes("RGB", (12, 9), chance.randbytes(12 * 9 * 3))
    buffer = io.BytesIO()
    cells.resize((480, 360)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
