"""A lesson as plain values for the player, wherever it runs: app, site or a folder of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from deformviz.figures.theme import palette
from deformviz.lessons.calculators import CALCULATORS, calculator
from deformviz.lessons.glossary import glossary
from deformviz.lessons.lesson import Lesson, Scene, Step
from deformviz.lessons.worked import (
    EQUATIONS,
    USUAL_PICTURE,
    frames_of,
    read_worked,
    snapshot_of,
)
from deformviz.tracing.store import (
    SHIPPED,
    SHIPPED_GRIDS,
    SHIPPED_KEYS,
    StoredTrace,
    read_index,
)

STORES = {"sampling": SHIPPED, "grid": SHIPPED_GRIDS, "keys": SHIPPED_KEYS}
LEVELS = 4
NOT_OF_THE_VIEW = ("picture", "layer", "sets")


@dataclass(frozen=True)
class Places:
    """Where the player finds what a lesson shows."""

    stored: Callable[[StoredTrace, str | None], str]  # a picture's layer, or (None) the picture
    lab: Callable[[str], str]  # "explore?picture=garden" to where that is opened
    font: str  # of the equations
    snapshot: Callable[[Path], str] | None = None  # a layer of a training before its end


def lesson_payload(lesson: Lesson, places: Places, language: str = "en") -> dict[str, Any]:
    """Everything the player draws of a lesson; the glossary is that of `language`."""
    return {
        "name": lesson.name,
        "number": lesson.number,
        "minutes": lesson.minutes,
        "title": lesson.title,
        "goal": lesson.goal,
        "glossary": glossary(language),
        "steps": [_step(lesson, step, places, language) for step in lesson.steps],
    }


def _step(lesson: Lesson, step: Step, places: Places, language: str) -> dict[str, Any]:
    asked = step.prediction
    told = {
        name: getattr(step, name)
        for name in ("name", "title", "text", "question", "choices", "reveal", "why")
    }
    prediction = None
    if asked:
        prediction = {k: v for k, v in asdict(asked).items() if k != "computed"}
    return told | {
        "prediction": prediction,
        "scene": _scene(lesson, step, places, language) if step.scene else None,
        "ground": _ground(step, places),
    }


def _scene(lesson: Lesson, step: Step, places: Places, language: str) -> dict[str, Any]:
    scene = step.scene
    assert scene is not None
    query = urlencode(dict(scene.params))
    shown = {
        "lab": places.lab(f"{scene.page}?{query}" if query else scene.page),
        "canvas": "",
        "data": {},
    }
    if scene.canvas in EQUATIONS:
        worked = read_worked(lesson, step, language)
        return shown | {
            "canvas": "equations",
            "data": _equations(lesson, step, scene, places, worked),
        }
    if scene.canvas in CALCULATORS:
        return shown | {"canvas": scene.canvas, "data": calculator(scene, language)}
    if scene.canvas in STORES:
        return shown | {"canvas": scene.canvas, "data": _picture(lesson, step, scene, places)}
    if scene.canvas == "replay" and places.snapshot:
        return shown | {"canvas": "sampling", "data": _snapshot(lesson, step, places)}
    return shown


def _snapshot(lesson: Lesson, step: Step, places: Places) -> dict[str, Any]:
    """A training at one iteration, or at its end: the player holds the clock, the lab moves it."""
    scene = step.scene
    assert scene is not None and places.snapshot is not None
    kept = {name: value for name, value in scene.params.items() if name == "layer"}
    found = _picture(lesson, step, Scene("sampling", scene.page, kept), places)
    early = snapshot_of(scene)
    if early:
        return found | {"trace_url": places.snapshot(early)}
    return found | (_frames(found, scene, places.snapshot) if scene.moves else {})


def _frames(found: dict[str, Any], scene: Scene, address: Callable[[Path], str]) -> dict[str, Any]:
    """The same picture at every kept moment of the training, each with the query that answers."""
    frames = [
        {
            "iteration": iteration,
            "trace_url": address(path),
            "view": {"q": str(query), "pin": "1"},
            "view_id": f"{found['view_id']}.{iteration}",
        }
        for iteration, query, path in frames_of(scene.params["layer"])
    ]
    return {**frames[-1], "frames": frames}


def stored_picture(canvas: str, name: str) -> StoredTrace:
    """A shipped picture of a canvas, by its name. Raises KeyError if there is none."""
    for stored in read_index(STORES[canvas]):
        if stored.name == name:
            return stored
    raise KeyError(f"No picture {name!r} is shipped for the canvas {canvas}.")


def _picture(lesson: Lesson, step: Step, scene: Scene, places: Places) -> dict[str, Any]:
    stored = stored_picture(scene.canvas, scene.params.get("picture", USUAL_PICTURE))
    layer = scene.params.get("layer", stored.layers[-1])
    view = {k: v for k, v in scene.params.items() if k not in NOT_OF_THE_VIEW}
    return {
        "trace_url": places.stored(stored, layer),
        "picture_url": places.stored(stored, None),
        "title": stored.title,
        "note": "",
        "picture_alt": stored.title,
        "picture_hw": stored.original_hw,
        "view": view,
        "view_id": f"{lesson.name}.{step.name}",
        "palette": palette(LEVELS),
        "link": False,
    }


def _equations(
    lesson: Lesson, step: Step, scene: Scene, places: Places, worked: dict[str, Any]
) -> dict[str, Any]:
    worked["what_if"] = None  # nobody computes beside a player
    if scene.params.get("example") != "toy":
        stored = stored_picture("sampling", scene.params.get("picture", USUAL_PICTURE))
        for shown in worked["pictures"]:
            shown["url"] = places.stored(stored, None)
    return {
        "lesson": worked,
        "step": scene.params.get("step", ""),
        "view_id": f"{lesson.name}.{step.name}",
        "font": places.font,
        "palette": palette(max(1, worked["sizes"][1])),
    }


def _ground(step: Step, places: Places) -> dict[str, Any] | None:
    """What a place or drawing is put on, before the marks are shown."""
    if not step.ground:
        return None
    if "cells" in step.ground:
        return {"cells": step.ground["cells"]}
    stored = stored_picture("sampling", step.ground["picture"])
    return {"picture": places.stored(stored, None), "hw": stored.original_hw}
